import { type BandwidthState, buildBandwidthStates, type StateOptions } from '../../shared/planner/bandwidth-states.ts';
import type { BandwidthTrace } from '../../shared/planner/bandwidth-trace.ts';
import { type BandwidthStateDetector, createStateDetector } from '../../shared/planner/state-detector.ts';
import { defaultRiseMargin } from '../../shared/protocol/detector-settings.ts';
import { createNearestState } from './nearest-state.ts';
import { addOutcomes, noFrames, type Outcome, planStates, replay } from './replay.ts';
import { createWeightedAverage } from './weighted-average.ts';

/** Weights that the weighted average is tuned over. */
export const weights = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;

export interface ComparisonOptions {
  traces: readonly BandwidthTrace[];
  states: StateOptions;
  /** What a sample is multiplied by, for a trace and a second; 1 is a device that measures exactly. */
  factorAt: (traceIndex: number, second: number) => number;
}

export interface ComparedDetector {
  name: string;
  outcome: Outcome;
}

export interface Comparison {
  changePoints: ComparedDetector;
  nearest: ComparedDetector;
  /** The weight that met most deadlines on the other half of the traces, of each half. */
  tuned: ComparedDetector;
  /** The same with the margin that the change-point detector has. */
  tunedWithMargin: ComparedDetector;
  /** Each weight on all traces, as if it had been known to be the right one. */
  everyWeight: ComparedDetector[];
  everyWeightWithMargin: ComparedDetector[];
}

type MakeDetector = (states: readonly BandwidthState[]) => BandwidthStateDetector;

/**
 * Every trace is replayed once, with states and weights that come of the other half of the traces (every second one):
 * nothing is tuned on what it is tested on.
 */
export function compareDetectors(options: ComparisonOptions): Comparison {
  const { traces } = options;
  const indices = [...traces.keys()];
  const halves = [indices.filter((i) => i % 2 === 0), indices.filter((i) => i % 2 === 1)];
  const folds = halves.map((test, i) => foldOf(options, halves[1 - i] ?? [], test));
  const over = (name: string, run: (fold: Fold) => Outcome): ComparedDetector => ({
    name,
    outcome: folds.map(run).reduce(addOutcomes, noFrames),
  });
  const tested = (name: string, make: MakeDetector): ComparedDetector => over(name, ({ test }) => test(make));
  const tuned = (name: string, riseMargin: number): ComparedDetector =>
    over(name, ({ training, test }) => test(weighted(bestWeight(training, riseMargin), riseMargin)));
  const every = (suffix: string, riseMargin: number): ComparedDetector[] =>
    weights.map((weight) => tested(`weighted average, ${weight}${suffix}`, weighted(weight, riseMargin)));
  return {
    changePoints: tested('change points', (states) => createStateDetector({ states })),
    nearest: tested('nearest state', createNearestState),
    tuned: tuned('weighted average, tuned', 0),
    tunedWithMargin: tuned('weighted average, tuned, with the rise margin', defaultRiseMargin),
    everyWeight: every('', 0),
    everyWeightWithMargin: every(', with the rise margin', defaultRiseMargin),
  };
}

/** @returns whether `a` is as good as `b` both in deadlines met and in plan switches, and better in one */
export function dominates(a: Outcome, b: Outcome): boolean {
  const isAsGood = a.met >= b.met && a.switches <= b.switches;
  return isAsGood && (a.met > b.met || a.switches < b.switches);
}

/** Replays either half of the traces, with the states and plans of the training half. */
interface Fold {
  training: (make: MakeDetector) => Outcome;
  test: (make: MakeDetector) => Outcome;
}

function foldOf(options: ComparisonOptions, training: readonly number[], test: readonly number[]): Fold {
  const { traces, factorAt } = options;
  const states = buildBandwidthStates(
    training.flatMap((index) => traces[index] ?? []),
    options.states,
  );
  const plans = planStates(states);
  const replayAll = (indices: readonly number[], make: MakeDetector): Outcome => {
    const outcomes = indices.flatMap((index) => {
      const trace = traces[index];
      if (trace === undefined) return [];
      return [replay({ trace, plans, detector: make(states), factorAt: (second) => factorAt(index, second) })];
    });
    return outcomes.reduce(addOutcomes, noFrames);
  };
  return { training: (make) => replayAll(training, make), test: (make) => replayAll(test, make) };
}

function weighted(weight: number, riseMargin: number): MakeDetector {
  return (states) => createWeightedAverage({ states, weight, riseMargin });
}

/** Most deadlines met; of two that meet as many, the one with fewer switches. */
function bestWeight(run: Fold['training'], riseMargin: number): number {
  const tried = weights.map((weight) => ({ weight, outcome: run(weighted(weight, riseMargin)) }));
  tried.sort((a, b) => b.outcome.met - a.outcome.met || a.outcome.switches - b.outcome.switches);
  return tried[0]?.weight ?? 1;
}
