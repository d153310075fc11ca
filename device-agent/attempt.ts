import type { Tensor } from '../shared/model/tensor.ts';
import type { Breakdown } from '../shared/planner/plan.ts';
import { chunkLimitsFor, type ImageFile } from '../shared/protocol/chunking.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import type { FrameOutcome, FramePlan, FrameRunnerOptions } from './frame-run.ts';
import type { LinkMonitor } from './link-monitor.ts';
import { rescueLocally } from './local-finish.ts';
import type { Sent } from './offload.ts';
import type { OffloadOutcome } from './pending-request.ts';
import { downloadMs } from './round-trip.ts';
import type { SegmentRun } from './segments.ts';
import { sendLeadBytes } from './send-lead.ts';
import type { Waiting } from './waiting.ts';

/** A frame's tensors that are on their way to a worker. */
export interface Attempt {
  sent: Sent;
  waiting: Waiting;
  usefulUntilMs: number;
  /** What a head has given, from which a local exit may go on; empty where none was run. */
  cut: readonly Tensor[];
  /** Of what the device did before it sent, ms. */
  deviceMs: number;
  runtimeMs: number;
}

/** A reply that holds a result. */
export type Result = Extract<OffloadOutcome, { kind: 'reply' }>;

/** The input as an image file. */
export interface CargoImage extends ImageFile {
  encodeMs: number;
}

export interface Cargo {
  tensors: readonly Tensor[];
  worker: string;
  waiting: Waiting;
  /** Until when a result is of use, on the clock. */
  usefulUntilMs: number;
  /** Sent in place of the tensors. */
  image?: CargoImage;
  /** What the device ran to have these tensors, if anything. */
  head?: SegmentRun;
}

/** Sends tensors to a worker. @returns what is waited for */
export function startAttempt(options: FrameRunnerOptions, framePlan: FramePlan, cargo: Cargo): Attempt {
  const { frame, input, decision, model } = framePlan;
  const { tensors, image, worker, waiting, usefulUntilMs, head } = cargo;
  const sent = options.offload.send({
    kind: 'request',
    worker,
    model,
    plan: decision.candidate.plan,
    tensors,
    ...(image && { image }),
    timeLeftMs: usefulUntilMs - options.clock.nowMs(),
    giveUpAtMs: waiting.giveUpAtMs,
    leadBytes: sendLeadBytes(input.offload?.link),
    ...(input.offload === null ? {} : { limits: chunkLimitsFor(input.offload.link.uplinkMbps) }),
  });
  return {
    sent: image === undefined ? sent : { ...sent, encodeMs: () => image.encodeMs + sent.encodeMs() },
    waiting,
    usefulUntilMs,
    cut: head?.tensors ?? [],
    deviceMs: frame.preprocessMs + (head?.computeMs ?? 0),
    runtimeMs: head?.runtimeMs ?? 0,
  };
}

/** Waits for the reply until a local exit is due. */
export function untilRescue(
  { clock }: Pick<FrameRunnerOptions, 'clock'>,
  { sent, waiting }: Attempt,
): Promise<OffloadOutcome | 'rescue'> {
  return new Promise((resolve) => {
    const waitMs = waiting.rescueAtMs - clock.nowMs();
    const cancel = clock.after(Math.max(0, waitMs), () => resolve('rescue'));
    void sent.outcome.then((outcome) => {
      cancel();
      resolve(outcome);
    });
  });
}

/** Finishes on the device, unless a signal withdraws it before it begins, and counts what was spent before. */
export async function fallBack(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  { sent, cut, deviceMs, runtimeMs, signal }: Attempt & { signal?: AbortSignal },
  reason: FallbackReason,
): Promise<FrameOutcome> {
  // What was spent on the input is counted by either.
  const headMs = deviceMs - framePlan.frame.preprocessMs;
  const finished = await rescueLocally(options, framePlan, { reason, cut, ...(signal && { signal }) });
  return {
    ...finished,
    heard: sent.arrived() !== undefined,
    breakdownMs: { ...finished.breakdownMs, device: finished.breakdownMs.device + headMs, encode: sent.encodeMs() },
    runtimeMs: { device: finished.runtimeMs.device + runtimeMs, worker: 0 },
    uploadBytes: sent.bytes(),
  };
}

/** Takes what the whole reply tells of the link. @returns the reply where it holds a result */
export function resultOf(
  { monitor, clock }: FrameRunnerOptions,
  { usefulUntilMs }: Attempt,
  outcome: OffloadOutcome,
): Result | undefined {
  if (outcome.kind !== 'reply') return undefined;
  if (outcome.status === 'expired' || outcome.status === 'overloaded') {
    // All that was left would not have been enough.
    const leftMs = Math.max(0, usefulUntilMs - clock.nowMs());
    monitor.observeQueue(outcome.report.queueUs / 1000 + leftMs);
  }
  if (outcome.status !== 'ok') return undefined;
  monitor.observe('passive', outcome);
  return outcome;
}

/** No reply is waited for any longer: if it comes yet, it tells what a late one tells. */
export function endWithoutReply({ monitor }: FrameRunnerOptions, { sent }: Attempt): void {
  sent.giveUp();
  const { bytes, elapsedMs } = sent.reached();
  monitor.observeMissing(bytes, elapsedMs, sent.arrived());
}

/** @returns whether so much is still to be sent that, at its pace so far, a result would come too late */
export function isHopeless({ clock }: Pick<FrameRunnerOptions, 'clock'>, { sent, usefulUntilMs }: Attempt): boolean {
  const remainingMs = sent.remainingMs();
  return remainingMs > 0 && clock.nowMs() + remainingMs > usefulUntilMs;
}

/** The worker's clock tells its own part; what is left of the round trip is the wire, half an rtt each way. */
export function splitElapsed(
  monitor: LinkMonitor,
  { elapsedMs, report, arrived }: Result,
): Omit<Breakdown, 'device' | 'encode'> {
  const queue = report.queueUs / 1000;
  const worker = (report.totalUs - report.queueUs) / 1000;
  const wireMs = Math.max(0, elapsedMs - queue - worker);
  const spreadMs = Math.min(wireMs, downloadMs(arrived));
  const download = spreadMs + Math.min((wireMs - spreadMs) / 2, (monitor.link()?.rttMs ?? 0) / 2);
  return { upload: wireMs - download, queue, worker, download };
}

/** @returns why a frame whose attempt came to this was not finished by its plan */
export function reasonOf(outcome: OffloadOutcome): FallbackReason {
  if (outcome.kind !== 'reply') return outcome.kind;
  return outcome.status === 'ok' ? 'invalid' : outcome.status;
}
