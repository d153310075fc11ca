import { rateAt } from '../../../shared/planner/bandwidth-trace.ts';
import { describePlan } from '../../../shared/planner/plan.ts';
import type { TraceSet } from '../../detectors/trace-sets.ts';
import type { Costs } from '../costs.ts';
import type { Allowance } from './allowances.ts';
import type { MethodSummary, SetResult, Timeline, VariantResult } from './data.ts';
import { dynamic } from './methods/dynamic.ts';
import { fixedAtStart } from './methods/fixed.ts';
import type { DynamicMethod } from './methods/method.ts';
import { dynamicMethods } from './methods/methods.ts';
import { mapFor, replayOn, type Stage, stageOf, statesOfOthers } from './place.ts';
import { type PlayedFrame, replay } from './replay.ts';
import { latencyMs, type Objective, rewardOf } from './score.ts';
import { createTally, rounded } from './summary.ts';
import type { Variant } from './variants.ts';

const objectives: readonly Objective[] = ['paper', 'accuracy'];

/** What is replayed, whatever the set. */
export interface SetReplay {
  costs: Costs;
  allowed: Allowance;
  deadlineMs: number;
  periodMs: number;
  /** Coefficient of variation of what the device's own runs take. */
  deviceVariation: number;
  /** Whether one trace is told frame by frame. */
  withTimeline: boolean;
  progress: (text: string) => void;
}

/** Runs every method over every trace of a set, for both objectives. */
export function replaySet(set: TraceSet, options: SetReplay): SetResult {
  const { traces } = set;
  const seconds = traces.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  return {
    name: set.name,
    traces: traces.length,
    seconds: Math.round(seconds),
    meanMbps: rounded(megabits(set) / seconds, 3),
    objectives: objectives.map((objective) => {
      const stage = stageOf(options.costs, { ...options, objective });
      const run = runnerOf(set, stage, options.periodMs);
      const methods = dynamicMethods.map((method): MethodSummary => {
        options.progress(`${set.name}, ${traces.length} traces, objective ${objective}, ${method.name}`);
        return tallyOf(set, stage, method, run);
      });
      return { objective, methods, timeline: options.withTimeline ? timelineOf(set, stage, run) : null };
    }),
  };
}

/** @returns what methods come to over all traces of a set */
export function replayMethods(
  set: TraceSet,
  stage: Stage,
  { periodMs, methods }: { periodMs: number; methods: readonly DynamicMethod[] },
): MethodSummary[] {
  const run = runnerOf(set, stage, periodMs);
  return methods.map((method) => tallyOf(set, stage, method, run));
}

/** Runs every method over no trace but those of a set. */
type Runner = (method: DynamicMethod, index: number) => Iterable<PlayedFrame>;

function runnerOf({ traces }: TraceSet, stage: Stage, periodMs: number): Runner {
  const statesOf = statesOfOthers(traces, stage.mapping);
  const maps = [0, 1].map((half) => mapFor(stage, statesOf(half)));
  return (method, index) => {
    const [trace, map] = [traces[index], maps[index % 2]];
    if (trace === undefined || map === undefined) return [];
    return replay(replayOn(stage, { method, trace, index, map, periodMs }));
  };
}

function tallyOf({ traces }: TraceSet, { objective, input }: Stage, method: DynamicMethod, run: Runner): MethodSummary {
  const tally = createTally(objective, input.policy.deadlineMs);
  for (const index of traces.keys()) {
    tally.beginTrace();
    for (const frame of run(method, index)) tally.add(frame);
  }
  return tally.summary(method.name);
}

/** Runs the dynamic method once more with one thing being another. */
export function replayVariant(
  set: TraceSet,
  { costs, progress, ...options }: Omit<SetReplay, 'withTimeline'>,
  variant: Variant,
): VariantResult {
  const { objective } = variant;
  const changed = { ...options, ...variant };
  progress(`${set.name}, ${variant.name}`);
  const stage = stageOf(costs, changed);
  const summary = tallyOf(set, stage, dynamic, runnerOf(set, stage, changed.periodMs));
  return { set: set.name, variant: variant.name, objective, summary };
}

function megabits({ traces }: TraceSet): number {
  return (
    traces.reduce(
      (sum, { steps, durationMs }) =>
        sum +
        steps.reduce(
          (part, { startMs, mbps }, i) => part + mbps * ((steps[i + 1]?.startMs ?? durationMs) - startMs),
          0,
        ),
      0,
    ) / 1000
  );
}

/** The trace that is told frame by frame, and for how long, s. */
const toldTrace = 0;
const toldS = 60;
/** Methods that are told. */
const toldMethods = [dynamic, fixedAtStart];

function timelineOf({ traces }: TraceSet, { objective, input }: Stage, run: Runner): Timeline | null {
  const trace = traces[toldTrace];
  if (trace === undefined) return null;
  const told = toldMethods.map((method) => ({
    name: method.name,
    frames: [...run(method, toldTrace)].filter(({ startMs }) => startMs < 1000 * toldS),
  }));
  const plans = [...new Set(told.flatMap(({ frames }) => frames.map(({ planned }) => describePlan(planned.plan))))];
  const starts = told[0]?.frames.map(({ startMs }) => startMs) ?? [];
  return {
    trace: trace.name,
    atS: starts.map((ms) => rounded(ms / 1000, 2)),
    bandwidthMbps: starts.map((ms) => rounded(rateAt(trace, ms), 3)),
    plans: plans.toSorted(),
    methods: told.map(({ name, frames }) => ({
      name,
      plan: frames.map(({ planned }) => plans.toSorted().indexOf(describePlan(planned.plan))),
      throughput: frames.map((frame) => rounded(1000 / latencyMs(frame), 2)),
      reward: frames.map((frame) => rounded(rewardOf(objective, frame, input.policy.deadlineMs), 3)),
    })),
  };
}
