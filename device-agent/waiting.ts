import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { deadlineAtMs, type FramePlan, type FrameRunnerOptions } from './frame-run.ts';
import { localEnds, rescueMs } from './local-finish.ts';
import { fastestOf, rescueTarget } from './rescue-exit.ts';

/** How long the reply to a frame is waited for. Times on the clock. */
export interface Waiting {
  /** Whether a local exit should still be done by the deadline. */
  isSavable: boolean;
  /** When a local exit is begun if no reply is there. */
  rescueAtMs: number;
  /** When a reply is no longer of any use. */
  giveUpAtMs: number;
}

/** A reply that takes so many times longer than predicted does not come: predictions are off by a tenth or so. */
const overdueFactor = 1.25;

/**
 * Where a local exit can be done by the deadline, the reply is waited for as long as that allows, and as its slowest
 * runs allow: these alone make no frame hopeless. That exit is the one that ends soonest, from the input or from the cut
 * that is about to be sent, or a better one that costs little of the deadline ({@link rescueTarget}). Where none can, the
 * frame is late at best, and what counts is to be least late: a local exit is begun at once if it should end before the
 * plan does, else when the reply is overdue, never together with a reply that is on its way as predicted.
 * @returns from now on, the tensors being about to be sent
 */
export function waitingFor(
  options: Pick<FrameRunnerOptions, 'clock' | 'localTiming' | 'segments'>,
  framePlan: FramePlan,
): Waiting {
  const nowMs = options.clock.nowMs();
  const deadlineMs = deadlineAtMs(framePlan);
  const { input } = framePlan;
  const { marginMs } = input.policy;
  const ends = localEnds(options, framePlan);
  const fastest = fastestOf(ends);
  const localMs = fastest?.predictedMs ?? fastestLocalMs(input);
  const atMostMs = fastest?.reserveMs ?? rescueMs(options, framePlan);
  if (nowMs + localMs <= deadlineMs) {
    const target = rescueTarget(ends, input.policy, deadlineMs - nowMs);
    const reserveMs = target?.reserveMs ?? atMostMs;
    return { isSavable: true, rescueAtMs: deadlineMs - reserveMs - marginMs, giveUpAtMs: deadlineMs };
  }
  const { replyMs, remainingMs } = predictedFrom(framePlan);
  const overdueAtMs = Math.max(deadlineMs, nowMs + overdueFactor * replyMs + marginMs);
  const rescueAtMs = localMs < remainingMs ? nowMs : overdueAtMs;
  return { isSavable: false, rescueAtMs, giveUpAtMs: Math.max(deadlineMs, rescueAtMs + atMostMs) };
}

/** @returns what should pass from the sending to the reply, and to the end of the frame, ms */
function predictedFrom({ decision: { candidate } }: FramePlan): { replyMs: number; remainingMs: number } {
  const { totalMs, breakdownMs } = candidate.prediction;
  const replyMs = totalMs - breakdownMs.device;
  return { replyMs, remainingMs: candidate.plan.direction === 'edge-first' ? totalMs : replyMs };
}
