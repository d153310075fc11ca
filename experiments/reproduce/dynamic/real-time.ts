import { readStates } from '../../../control-plane/read-states.ts';
import { type BandwidthTrace, constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import { samePlan } from '../../../shared/planner/plan.ts';
import type { ConfigurationMap } from '../../../shared/protocol/configuration-map.ts';
import type { TraceSet } from '../../detectors/trace-sets.ts';
import type { Costs } from '../costs.ts';
import type { ExperimentContext } from '../experiment.ts';
import { servedFrame } from '../served.ts';
import type { Place, TestBed, TraceRun } from '../test-bed.ts';
import type { Allowance } from './allowances.ts';
import { type Run, RunSchema, type Sample } from './data.ts';
import { dynamic } from './methods/dynamic.ts';
import { mapFor, replayOn, type Stage, stageOf } from './place.ts';
import { replay } from './replay.ts';
import { latencyMs } from './score.ts';
import { rounded } from './summary.ts';

/** Where and how a sample is run. */
export interface SampleOptions {
  place: Place;
  costs: Costs;
  allowed: Allowance;
  deadlineMs: number;
  periodMs: number;
  deviceVariation: number;
  /** Traces of each set, and how much of each, s. */
  realTime: { traces: number; seconds: number };
}

/** Runs the first traces of each set on the platform, and beside it in virtual time with the states that it has. */
export async function runSamples(
  context: ExperimentContext,
  sets: readonly TraceSet[],
  options: SampleOptions,
): Promise<Sample[]> {
  const stage = stageOf(options.costs, { ...options, objective: 'accuracy' });
  const map = mapFor(stage, (await readStates()).states);
  const { traces: count, seconds } = options.realTime;
  const samples: Sample[] = [];
  for (const { name: set, traces } of sets) {
    for (const [index, trace] of traces.slice(0, count).entries()) {
      const virtual = runVirtually(stage, map, { trace, index, ...options });
      const real = await runReally(context, map, { trace, stage, ...options });
      samples.push({ set, trace: trace.name, seconds, periodMs: options.periodMs, virtual, real });
    }
  }
  return samples;
}

/** A frame as both kinds of time tell of it. */
interface Told {
  latencyMs: number;
  accuracy: number;
  fellBack: boolean;
}

function summarise(frames: readonly Told[], deadlineMs: number): Run {
  const met = frames.filter((frame) => frame.latencyMs <= deadlineMs);
  const seconds = frames.reduce((sum, frame) => sum + frame.latencyMs, 0) / 1000;
  return {
    frames: frames.length,
    met: met.length,
    fellBack: frames.filter(({ fellBack }) => fellBack).length,
    accuracyIfMet: rounded(met.reduce((sum, { accuracy }) => sum + accuracy, 0) / frames.length, 5),
    throughput: rounded(frames.length / seconds, 4),
  };
}

function runVirtually(
  stage: Stage,
  map: ConfigurationMap,
  { trace, index, periodMs, deadlineMs, realTime }: SampleOptions & { trace: BandwidthTrace; index: number },
): Run {
  const options = replayOn(stage, { method: dynamic, trace, index, map, periodMs });
  const frames = [...replay({ ...options, untilMs: 1000 * realTime.seconds })];
  return summarise(
    frames.map((frame) => ({ ...frame, latencyMs: latencyMs(frame) })),
    deadlineMs,
  );
}

const settleFrames = 8;

function runReally(
  context: ExperimentContext,
  map: ConfigurationMap,
  {
    trace,
    stage,
    place,
    allowed,
    deadlineMs,
    periodMs,
    realTime,
  }: SampleOptions & { trace: BandwidthTrace; stage: Stage },
): Promise<Run> {
  const { model, factors } = place;
  const { encodings, directions } = stage.input.policy;
  const policy: TraceRun['policy'] = { deadlineMs, configurator: 'dynamic', encodings, directions };
  const inputs = {
    what: 'dynamic sample',
    model,
    factors: [factors.device, factors.worker],
    policy: [deadlineMs, allowed],
    trace: trace.name,
    run: [periodMs, realTime.seconds],
  };
  return context.point(inputs, RunSchema, async () => {
    const bed = await context.testBed(place);
    context.progress(`${model}: the plans of the map are loaded`);
    await loadPlans(bed, map, policy);
    context.progress(`${model}: ${trace.name} in real time, ${realTime.seconds} s`);
    const results = await bed.follow({ trace, policy, periodMs, durationMs: 1000 * realTime.seconds, settleFrames });
    const frames = results.map((result) => ({
      ...servedFrame(result, stage.input.plans.model),
      fellBack: result.fallback !== null,
    }));
    return summarise(frames, deadlineMs);
  });
}

/** Fast enough that every plan is tried at once, Mbit/s. */
const fastMbps = 10;

/** A device loads a plan when it is first wanted: what that takes is no part of the comparison. */
async function loadPlans(bed: TestBed, { entries }: ConfigurationMap, policy: TraceRun['policy']): Promise<void> {
  const plans = entries
    .map(({ plan }) => plan)
    .filter((plan, i, all) => all.findIndex((each) => samePlan(each, plan)) === i);
  const link = constantTrace(fastMbps);
  for (const plan of plans) await bed.measure({ link, policy, plan, settleFrames, frames: 1 });
}
