import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import {
  type Attempt,
  endWithoutReply,
  fallBack,
  isHopeless,
  type Result,
  reasonOf,
  resultOf,
  splitElapsed,
  startAttempt,
  untilRescue,
} from './attempt.ts';
import { deadlineAtMs, type FrameOutcome, type FramePlan, type FrameRunnerOptions } from './frame-run.ts';
import { rescueMs, slowdown } from './local-finish.ts';
import { waitingFor } from './waiting.ts';

/**
 * Sends the input, waits for the cut, runs the tail. The input is kept and nothing but waiting was done: until the tail
 * is begun, any exit that fits can still be run.
 * INVARIANT: no tail is begun that would end after the deadline where a local exit would not.
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: the first p layers on the edge, as printed
 */
export async function runEdgeFirst(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  worker: string,
): Promise<FrameOutcome> {
  const { frame, decision } = framePlan;
  const waiting = waitingFor(options, framePlan);
  const { isSavable, rescueAtMs } = waiting;
  const usefulUntilMs = isSavable ? deadlineAtMs(framePlan) - tailMs(options, framePlan) : rescueAtMs;
  const attempt = startAttempt(options, framePlan, { tensors: [frame.input], worker, waiting, usefulUntilMs });
  const outcome = await untilRescue(options, attempt);
  if (outcome === 'rescue') return rescue(options, framePlan, attempt);
  const result = resultOf(options, attempt, outcome);
  if (result === undefined || !options.segments.takes(decision.candidate.plan, result.tensors)) {
    return fallBack(options, framePlan, attempt, reasonOf(outcome));
  }
  if (isTooLate(options, framePlan)) {
    return { ...(await fallBack(options, framePlan, attempt, 'timeout')), unusedReport: result.report };
  }
  return runTail(options, framePlan, attempt, result);
}

/**
 * A reply that comes after this is not used: its tail would have to wait behind the local exit in the one inference
 * thread. Of the link and of the worker it tells all the same.
 */
async function rescue(options: FrameRunnerOptions, framePlan: FramePlan, attempt: Attempt): Promise<FrameOutcome> {
  if (isHopeless(options, attempt)) {
    endWithoutReply(options, attempt);
    return fallBack(options, framePlan, attempt, 'timeout');
  }
  let unusedReport: WorkerReport | undefined;
  void attempt.sent.outcome.then((outcome) => {
    unusedReport = resultOf(options, attempt, outcome)?.report;
  });
  const rescued = await fallBack(options, framePlan, attempt, 'timeout');
  if (unusedReport === undefined) endWithoutReply(options, attempt);
  return { ...rescued, unusedReport };
}

async function runTail(
  { segments, monitor }: FrameRunnerOptions,
  { decision }: FramePlan,
  { sent, deviceMs }: Attempt,
  result: Result,
): Promise<FrameOutcome> {
  const { plan } = decision.candidate;
  const tail = await segments.run(plan, result.tensors, { urgent: true });
  return {
    ...plan,
    output: tail.tensors[0]?.data ?? new Float32Array(),
    finishedOn: 'device',
    fallback: null,
    heard: true,
    breakdownMs: { device: deviceMs + tail.computeMs, encode: sent.encodeMs(), ...splitElapsed(monitor, result) },
    runtimeMs: { device: tail.runtimeMs, worker: result.report.computeUs / 1000 },
    uploadBytes: sent.bytes(),
  };
}

/** Whether the tail would end after the deadline, and a local exit would not. */
function isTooLate(options: FrameRunnerOptions, framePlan: FramePlan): boolean {
  const { marginMs } = framePlan.input.policy;
  const tailFits = fits(options, framePlan, tailMs(options, framePlan) + marginMs);
  return !tailFits && fits(options, framePlan, rescueMs(options, framePlan));
}

function fits({ clock }: FrameRunnerOptions, framePlan: FramePlan, neededMs: number): boolean {
  return clock.nowMs() + neededMs <= deadlineAtMs(framePlan);
}

/** @returns what the tail should take on this device as it runs now, ms */
function tailMs(options: FrameRunnerOptions, framePlan: FramePlan): number {
  return framePlan.decision.candidate.prediction.breakdownMs.device * slowdown(options, framePlan);
}
