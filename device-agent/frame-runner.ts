import type { Tensor } from '../shared/model/tensor.ts';
import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { planLocal } from '../shared/planner/algorithm-1.ts';
import type { Breakdown, Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import { chunkLimitsFor } from '../shared/protocol/chunking.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Decision } from './decision.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { LocalTiming } from './local-timing.ts';
import type { OffloadClient, OffloadOutcome, Sent } from './offload.ts';
import type { Segments } from './segments.ts';

/** A frame that is ready to be run. */
export interface PreparedFrame {
  input: Tensor;
  /** When the frame came, on the clock: the deadline counts from here. */
  arrivedAtMs: number;
  /** Spent on turning the image into a tensor, ms. */
  preprocessMs: number;
  deadlineMs: number;
}

/** How a frame ended. */
export interface FrameOutcome {
  output: Float32Array;
  exit: number;
  partition: number;
  finishedOn: 'device' | 'worker';
  fallback: FallbackReason | null;
  breakdownMs: Breakdown;
  /** What onnxruntime itself took on either side, ms. */
  runtimeMs: { device: number; worker: number };
  uploadBytes: number;
}

export interface FrameRunnerOptions {
  segments: Segments;
  offload: OffloadClient;
  monitor: LinkMonitor;
  localTiming: LocalTiming;
  clock: Clock;
}

/** What one frame is run with. */
export interface FramePlan {
  frame: PreparedFrame;
  decision: Decision;
  input: PlanningInput;
  worker: string | undefined;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
}

/**
 * Runs one frame by its plan. When only the time that the fastest exit needs is left, a local exit is begun beside the
 * waiting; whichever is there first is the answer.
 * INVARIANT: the frame ends by its deadline whenever the fastest exit can still be run from the moment at
 * which the plan fails.
 */
export async function runFrame(options: FrameRunnerOptions, framePlan: FramePlan): Promise<FrameOutcome> {
  const { plan } = framePlan.decision.candidate;
  const last = lastPartition(framePlan.input, plan.exit);
  if (plan.partition === last || framePlan.worker === undefined) return finishLocally(options, framePlan, null);

  const head = await options.segments.run(plan.exit, plan.partition, framePlan.frame.input);
  const attempt: Attempt = {
    sent: send(options, framePlan, head.tensors, framePlan.worker),
    sentAtMs: options.clock.nowMs(),
    deviceMs: framePlan.frame.preprocessMs + head.computeMs,
    headRuntimeMs: head.runtimeMs,
  };
  const outcome = await untilRescue(options, framePlan, attempt.sent);
  if (outcome === 'rescue') return raceRescue(options, framePlan, attempt);
  return (
    workerOutcome(options, framePlan, attempt, outcome) ?? fallBack(options, framePlan, attempt, reasonOf(outcome))
  );
}

/** A cut that is on its way. */
interface Attempt {
  sent: Sent;
  sentAtMs: number;
  deviceMs: number;
  headRuntimeMs: number;
}

function send(options: FrameRunnerOptions, framePlan: FramePlan, tensors: Tensor[], worker: string): Sent {
  const { frame, input, decision } = framePlan;
  const deadlineAtMs = frame.arrivedAtMs + frame.deadlineMs;
  return options.offload.send({
    kind: 'request',
    worker,
    model: framePlan.model,
    plan: decision.candidate.plan,
    tensors,
    timeLeftMs: deadlineAtMs - options.clock.nowMs(),
    giveUpAtMs: deadlineAtMs,
    ...(input.offload === null ? {} : { limits: chunkLimitsFor(input.offload.link.uplinkMbps) }),
  });
}

/** Waits for the reply as long as a local exit can still be begun after it. */
function untilRescue(
  { clock, localTiming }: FrameRunnerOptions,
  { frame, input }: FramePlan,
  sent: Sent,
): Promise<OffloadOutcome | 'rescue'> {
  const rescueMs = localTiming.rescueMs(fastestLocalMs(input)) + input.policy.marginMs;
  const waitMs = frame.arrivedAtMs + frame.deadlineMs - rescueMs - clock.nowMs();
  return new Promise((resolve) => {
    const cancel = clock.after(Math.max(0, waitMs), () => resolve('rescue'));
    void sent.outcome.then((outcome) => {
      cancel();
      resolve(outcome);
    });
  });
}

/** Begins a local exit and goes on waiting: the reply is used if it comes before that exit is done. */
async function raceRescue(options: FrameRunnerOptions, framePlan: FramePlan, attempt: Attempt): Promise<FrameOutcome> {
  const { monitor, clock } = options;
  const rescued = fallBack(options, framePlan, attempt, 'timeout');
  const replied = attempt.sent.outcome.then((outcome) => workerOutcome(options, framePlan, attempt, outcome));
  const first = await Promise.race([rescued, replied]);
  if (first === undefined) return rescued;
  if (first.finishedOn === 'device') monitor.observeMissing(attempt.sent.bytes, clock.nowMs() - attempt.sentAtMs);
  // The local exit that lost the race runs to its end beside what follows; it must not fail unheard.
  else rescued.catch(() => undefined);
  return first;
}

/** @returns how the frame ended where the worker finished it, else undefined */
function workerOutcome(
  { monitor }: FrameRunnerOptions,
  { decision }: FramePlan,
  { sent, deviceMs, headRuntimeMs }: Attempt,
  outcome: OffloadOutcome,
): FrameOutcome | undefined {
  if (outcome.kind !== 'reply' || outcome.status !== 'ok' || outcome.tensors[0] === undefined) return undefined;
  monitor.observe('passive', sent.bytes, outcome.elapsedMs, outcome.report);
  const { exit, partition } = decision.candidate.plan;
  return {
    output: outcome.tensors[0].data,
    exit,
    partition,
    finishedOn: 'worker',
    fallback: null,
    breakdownMs: { device: deviceMs, encode: sent.encodeMs, ...splitElapsed(monitor, outcome) },
    runtimeMs: { device: headRuntimeMs, worker: outcome.report.computeUs / 1000 },
    uploadBytes: sent.bytes,
  };
}

/** Finishes on the device, and counts what was spent before. */
async function fallBack(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  { sent, deviceMs, headRuntimeMs }: Attempt,
  reason: FallbackReason,
): Promise<FrameOutcome> {
  const finished = await finishLocally(options, framePlan, reason);
  return {
    ...finished,
    breakdownMs: { ...finished.breakdownMs, device: finished.breakdownMs.device + deviceMs, encode: sent.encodeMs },
    runtimeMs: { device: finished.runtimeMs.device + headRuntimeMs, worker: 0 },
    uploadBytes: sent.bytes,
  };
}

/** Runs the best whole branch that fits the time left. */
async function finishLocally(
  { segments, clock, localTiming }: FrameRunnerOptions,
  { frame, input, decision }: FramePlan,
  fallback: FallbackReason | null,
): Promise<FrameOutcome> {
  const plan = fallback === null ? decision.candidate.plan : undefined;
  const exit = plan === undefined ? rescueExit({ segments, clock, localTiming }, frame, input) : plan.exit;
  const partition = lastPartition(input, exit);
  const run = await segments.run(exit, partition, frame.input, { urgent: true });
  localTiming.observe(exit, run.computeMs);
  return {
    output: run.tensors[0]?.data ?? new Float32Array(),
    exit,
    partition,
    finishedOn: 'device',
    fallback,
    breakdownMs: { device: frame.preprocessMs + run.computeMs, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 },
    runtimeMs: { device: run.runtimeMs, worker: 0 },
    uploadBytes: 0,
  };
}

/**
 * The best loaded exit that fits the time left. What is left is measured for the fastest exit as it runs at its
 * slowest here: a deeper one may take as many times longer than its profile says.
 */
function rescueExit(
  { segments, clock, localTiming }: Pick<FrameRunnerOptions, 'segments' | 'clock' | 'localTiming'>,
  frame: PreparedFrame,
  input: PlanningInput,
): number {
  const leftMs = frame.arrivedAtMs + frame.deadlineMs - clock.nowMs() - input.policy.marginMs;
  const predictedMs = fastestLocalMs(input);
  const slowdown = predictedMs > 0 ? localTiming.rescueMs(predictedMs) / predictedMs : 1;
  const loaded = (plan: Plan): boolean => segments.has(plan.exit, plan.partition);
  return planLocal({ ...input, allow: loaded }, leftMs / slowdown)?.plan.exit ?? 1;
}

function lastPartition(input: PlanningInput, exit: number): number {
  return (input.plans.model.exits[exit - 1]?.cuts.length ?? 1) - 1;
}

/** The worker's clock tells its own part; what is left of the round trip is the wire, the reply's half an rtt. */
function splitElapsed(
  monitor: LinkMonitor,
  { elapsedMs, report }: Extract<OffloadOutcome, { kind: 'reply' }>,
): Omit<Breakdown, 'device' | 'encode'> {
  const queue = report.queueUs / 1000;
  const worker = (report.totalUs - report.queueUs) / 1000;
  const wireMs = Math.max(0, elapsedMs - queue - worker);
  const download = Math.min(wireMs / 2, (monitor.link()?.rttMs ?? 0) / 2);
  return { upload: wireMs - download, queue, worker, download };
}

function reasonOf(outcome: OffloadOutcome): FallbackReason {
  if (outcome.kind !== 'reply') return outcome.kind;
  return outcome.status === 'ok' ? 'invalid' : outcome.status;
}
