import type { Tensor } from '../../shared/model/tensor.ts';
import { type Breakdown, type Plan, samePlan } from '../../shared/planner/plan.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import { createFakeClock, type FakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { planningInput } from '../../shared/testing/planning-input.ts';
import type { EarlyExit } from '../early-exits.ts';
import type { FrameOutcome } from '../frame-run.ts';
import { runFrame } from '../frame-runner.ts';
import { createLinkMonitor, type LinkMonitor } from '../link-monitor.ts';
import type { LoadedModel } from '../loaded-model.ts';
import { createLocalTiming } from '../local-timing.ts';
import { createOffloadClient } from '../offload.ts';
import type { DevicePart, SegmentRun, Segments } from '../segments.ts';
import { createScriptedWorker, type ScriptedWorker } from './scripted-worker.ts';

/** A frame that came at 0 ms and is run; the clock stands still, but for the head of a device-first plan. */
export interface StartedFrame {
  clock: FakeClock;
  worker: ScriptedWorker;
  monitor: LinkMonitor;
  /** Exits that were begun on the device, whole … */
  readonly localExits: readonly number[];
  /** … or from the cut onwards. */
  readonly continuations: readonly DevicePart[];
  /** What became of them. */
  readonly localRuns: readonly Promise<SegmentRun>[];
  ended: Promise<FrameOutcome>;
}

export interface StartFrameOptions {
  model: LoadedModel;
  input: Tensor;
  plan: Plan;
  /** What the plan is predicted to take; a head also takes it. */
  predictedMs: Partial<Breakdown>;
  /** What an exit takes whole on the device, by its profile, ms. */
  wholeMs: (exit: number) => number;
  /** What it takes behind any cut, ms; absent: nothing. */
  restMs?: (exit: number) => number;
  /** What exit 1 took once, ms. */
  slowestMs?: number;
  /** Exits that are not loaded whole. */
  unloaded?: readonly number[];
  policy: Partial<Policy>;
  /** Told as spent before the plan was begun, ms. */
  preprocessMs?: number;
  /** Until when whole branches wait for the thread; absent: it is free. */
  threadFree?: Promise<void>;
  /** Asked before the cut is sent. */
  early?: EarlyExit;
}

/** Runs a frame with the model's real segments and a worker that a test tells what to answer. */
export function startFrame(options: StartFrameOptions): StartedFrame {
  const { model, input, plan, predictedMs, wholeMs, restMs = () => 0, policy } = options;
  const { slowestMs = 0, unloaded = [], preprocessMs = 0, threadFree } = options;
  const clock = createFakeClock();
  const worker = createScriptedWorker({ device: 'cam', worker: 'edge' });
  const log = createLog('frame', 'fatal');
  const offload = createOffloadClient({ device: 'cam', boot: 1, connection: worker.connection, clock, log });
  offload.useWorker('edge');
  const monitor = createLinkMonitor(clock);
  const breakdownMs = { device: 0, encode: 0, upload: 0, queue: 0, worker: 0, download: 0, ...predictedMs };
  const totalMs = Object.values(breakdownMs).reduce((sum, ms) => sum + ms, 0);
  const candidate = { plan, prediction: { breakdownMs, totalMs, uploadBytes: 0 }, accuracy: 1 };
  const localExits: number[] = [];
  const continuations: DevicePart[] = [];
  const localRuns: Promise<SegmentRun>[] = [];
  const segments: Segments = {
    ...model.segments,
    has: (part) => !(isWhole(model, part) && unloaded.includes(part.exit)) && model.segments.has(part),
    async run(part, tensors, how) {
      if (isWhole(model, part)) {
        localExits.push(part.exit);
        const local = Promise.resolve(threadFree).then(() => model.segments.run(part, tensors, how));
        localRuns.push(local);
        return local;
      }
      if (part.direction === 'edge-first' && plan.direction === 'device-first') continuations.push(part);
      const run = await model.segments.run(part, tensors, how);
      const isHead = part.direction === 'device-first' && samePlan({ ...plan, ...part }, plan);
      if (isHead) clock.advance(breakdownMs.device);
      return run;
    },
  };
  const localTiming = createLocalTiming(clock);
  localTiming.observe({ exit: 1 }, slowestMs);
  const planning = planningInput(exitsOf(model, wholeMs, restMs), policy);
  const ended = runFrame(
    { segments, images: model.images, offload, monitor, localTiming, clock },
    {
      frame: { input, arrivedAtMs: 0, preprocessMs, deadlineMs: planning.policy.deadlineMs },
      decision: { candidate, runnerUp: null, wanted: undefined, planned: 'forced', dynamic: undefined },
      input: planning,
      worker: 'edge',
      model: model.shortDigest,
      early: options.early,
    },
  );
  return { clock, worker, monitor, localExits, continuations, localRuns, ended };
}

/** @returns any image of the model's size */
export function sampleInput({ package: { manifest } }: LoadedModel): Tensor {
  const { shape } = manifest.input;
  const elements = shape.reduce((product, size) => product * size, 1);
  return { data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)), dims: [1, ...shape] };
}

function isWhole(model: LoadedModel, { exit, partition, direction }: DevicePart): boolean {
  return direction === 'device-first' && partition === lastPartition(model, exit);
}

function lastPartition({ shape }: LoadedModel, exit: number): number {
  return (shape.exits[exit - 1]?.cuts.length ?? 0) - 1;
}

/** The real model's exits, with whole branches and rests that take what a test says. */
function exitsOf(
  { shape }: LoadedModel,
  wholeMs: StartFrameOptions['wholeMs'],
  restMs: (exit: number) => number,
): Parameters<typeof planningInput>[0] {
  return shape.exits.map(({ cuts }, index) => {
    const headMs = cuts.map((_, p) => (p === cuts.length - 1 ? wholeMs(index + 1) : 0));
    return {
      accuracy: (index + 1) / 10,
      headMs,
      tailMs: cuts.map(() => restMs(index + 1)),
      elements: cuts.map(() => 1),
    };
  });
}
