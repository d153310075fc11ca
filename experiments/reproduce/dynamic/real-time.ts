import { type Static, Type } from 'typebox';
import { readStates } from '../../../control-plane/read-states.ts';
import { type BandwidthTrace, constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { ConfigurationMap } from '../../../shared/protocol/configuration-map.ts';
import type { TraceSet } from '../../detectors/trace-sets.ts';
import type { Costs } from '../costs.ts';
import type { ExperimentContext } from '../experiment.ts';
import { servedFrame } from '../served.ts';
import type { Place, TraceRun } from '../test-bed.ts';
import type { Allowance } from './allowances.ts';
import { type Run, RunSchema, type Sample, type TimedPart, TimedPartSchema } from './data.ts';
import { dynamic } from './methods/dynamic.ts';
import { mapFor, replayOn, type Stage, stageOf } from './place.ts';
import { replay } from './replay.ts';
import { latencyMs } from './score.ts';
import { rounded } from './summary.ts';
import { timeParts, withTimedParts } from './timed-parts.ts';

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

/**
 * Runs the first traces of each set on the platform, and beside it in virtual time with the states that it has and the
 * times that its device was seen to take before.
 */
export async function runSamples(
  context: ExperimentContext,
  sets: readonly TraceSet[],
  options: SampleOptions,
): Promise<Sample[]> {
  const stage = stageOf(options.costs, { ...options, objective: 'accuracy' });
  const { states } = await readStates();
  const map = mapFor(stage, states);
  const { traces: count, seconds } = options.realTime;
  const samples: Sample[] = [];
  for (const { name: set, traces } of sets) {
    for (const [index, trace] of traces.slice(0, count).entries()) {
      const { device, run: real } = await runReally(context, map, { trace, stage, ...options });
      const timed = stageOf(timedCosts(options.costs, device), { ...options, objective: 'accuracy' });
      const virtual = runVirtually(timed, mapFor(timed, states), { trace, index, ...options });
      samples.push({ set, trace: trace.name, seconds, periodMs: options.periodMs, device, virtual, real });
    }
  }
  return samples;
}

function timedCosts(costs: Costs, device: readonly TimedPart[]): Costs {
  return {
    at(mbps, deadlineMs) {
      const { input, printed } = costs.at(mbps, deadlineMs);
      return { input: withTimedParts(input, device), printed };
    },
  };
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
/** Fast enough that every plan is tried at once, Mbit/s. */
const fastMbps = 10;

const PointSchema = Type.Object({ device: Type.Array(TimedPartSchema), run: RunSchema });

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
): Promise<Static<typeof PointSchema>> {
  const { model, factors } = place;
  const { encodings, directions } = stage.input.policy;
  const policy: TraceRun['policy'] = { deadlineMs, configurator: 'dynamic', encodings, directions };
  const inputs = {
    what: 'dynamic sample beside timed parts',
    model,
    factors: [factors.device, factors.worker],
    policy: [deadlineMs, allowed],
    trace: trace.name,
    run: [periodMs, realTime.seconds],
  };
  return context.point(inputs, PointSchema, async () => {
    const bed = await context.testBed(place);
    context.progress(`${model}: the plans of the map are loaded and timed`);
    const timing = { wanted: map.entries.map(({ plan }) => plan), link: constantTrace(fastMbps), policy, settleFrames };
    const device = await timeParts(bed, stage.input, timing);
    context.progress(`${model}: ${trace.name} in real time, ${realTime.seconds} s`);
    const results = await bed.follow({ trace, policy, periodMs, durationMs: 1000 * realTime.seconds, settleFrames });
    const frames = results.map((result) => ({
      ...servedFrame(result, stage.input.plans.model),
      fellBack: result.fallback !== null,
    }));
    return { device, run: summarise(frames, deadlineMs) };
  });
}
