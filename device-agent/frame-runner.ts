import { isImageEncoding } from '../shared/protocol/wire-encoding.ts';
import { askEarlyExit, atHandOf, earlyOutcome } from './ask-early-exit.ts';
import {
  type Attempt,
  type CargoImage,
  endWithoutReply,
  fallBack,
  isHopeless,
  reasonOf,
  resultOf,
  splitElapsed,
  startAttempt,
  untilRescue,
} from './attempt.ts';
import { runEdgeFirst } from './edge-first.ts';
import type { FrameOutcome, FramePlan, FrameRunnerOptions } from './frame-run.ts';
import { lastPartition, runWhole } from './local-finish.ts';
import type { OffloadOutcome } from './pending-request.ts';
import type { SegmentRun } from './segments.ts';
import { waitingFor } from './waiting.ts';

/**
 * Runs one frame by its plan. When only the time is left that the fastest local end needs, a whole exit or what is left of
 * one behind the head, or a better one that is cheap, or where that is too late anyway when the reply is overdue, a local end
 * is begun; device-first the waiting goes on beside it, and whichever is there first is the answer.
 * INVARIANT: the frame ends by its deadline whenever the fastest of them can still be run from the moment at which the plan
 * fails.
 */
export function runFrame(options: FrameRunnerOptions, framePlan: FramePlan): Promise<FrameOutcome> {
  const { plan } = framePlan.decision.candidate;
  const { worker } = framePlan;
  const isLocal = plan.partition === lastPartition(framePlan.input, plan.exit);
  if (isLocal || worker === undefined) return runWhole(options, framePlan);
  return plan.direction === 'edge-first'
    ? runEdgeFirst(options, framePlan, worker)
    : runDeviceFirst(options, framePlan, worker);
}

/** Runs the head, asks the exit that it has passed, sends the cut unless that one is sure, waits for the exit's output. */
async function runDeviceFirst(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  worker: string,
): Promise<FrameOutcome> {
  const { frame, decision, early } = framePlan;
  const head = await options.segments.run(early?.head ?? decision.candidate.plan, [frame.input]);
  const answer = early && (await askEarlyExit(options, framePlan, { early, head }));
  if (early === undefined || answer === undefined) return offloadRest(options, framePlan, { worker, head });
  const { asked, run } = answer;
  if (asked.confident) return earlyOutcome(framePlan, head, { early, answer });
  const spent = { computeMs: head.computeMs + asked.ms, runtimeMs: head.runtimeMs + run.runtimeMs };
  const withAnswer = { ...framePlan, atHand: atHandOf(early, answer) };
  return { ...(await offloadRest(options, withAnswer, { worker, head: { ...head, ...spent } })), asked };
}

/** @param head with all that was run before the cut is sent */
async function offloadRest(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  { worker, head }: { worker: string; head: SegmentRun },
): Promise<FrameOutcome> {
  const image = await imageOf(options, framePlan);
  const waiting = waitingFor(options, framePlan);
  const usefulUntilMs = waiting.giveUpAtMs;
  const cargo = { tensors: head.tensors, worker, waiting, usefulUntilMs, head };
  const attempt = startAttempt(options, framePlan, image === undefined ? cargo : { ...cargo, image });
  const outcome = await untilRescue(options, attempt);
  if (outcome === 'rescue') return raceRescue(options, framePlan, attempt);
  return (
    workerOutcome(options, framePlan, attempt, outcome) ?? fallBack(options, framePlan, attempt, reasonOf(outcome))
  );
}

/** @returns the input as an image file where the plan sends one */
async function imageOf(
  { images, clock }: FrameRunnerOptions,
  { frame, decision }: FramePlan,
): Promise<CargoImage | undefined> {
  const { encoding } = decision.candidate.plan;
  if (!isImageEncoding(encoding)) return undefined;
  const startMs = clock.nowMs();
  const file = await images.write(frame.input.data, encoding);
  return { encoding, file, encodeMs: clock.nowMs() - startMs };
}

/** Begins a local exit and goes on waiting: the reply is used if it comes before that exit is done. */
async function raceRescue(options: FrameRunnerOptions, framePlan: FramePlan, attempt: Attempt): Promise<FrameOutcome> {
  const lost = new AbortController();
  // What would be sent in vain would only lie in front of the next frame.
  if (isHopeless(options, attempt)) endWithoutReply(options, attempt);
  const rescued = fallBack(options, framePlan, { ...attempt, signal: lost.signal }, 'timeout');
  const replied = attempt.sent.outcome.then((outcome) => workerOutcome(options, framePlan, attempt, outcome));
  const first = await Promise.race([rescued, replied]);
  if (first === undefined) return rescued;
  if (first.finishedOn === 'device') {
    endWithoutReply(options, attempt);
  } else {
    // The local exit that lost the race runs to its end beside what follows, if it has begun; it must not fail unheard.
    rescued.catch(() => undefined);
    lost.abort();
  }
  return first;
}

/** @returns how the frame ended where the worker finished it, else undefined */
function workerOutcome(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  attempt: Attempt,
  outcome: OffloadOutcome,
): FrameOutcome | undefined {
  const { sent, deviceMs, runtimeMs } = attempt;
  const result = resultOf(options, attempt, outcome);
  const output = result?.tensors[0]?.data;
  if (result === undefined || output === undefined) return undefined;
  return {
    ...framePlan.decision.candidate.plan,
    output,
    finishedOn: 'worker',
    fallback: null,
    heard: true,
    breakdownMs: { device: deviceMs, encode: sent.encodeMs(), ...splitElapsed(options.monitor, result) },
    runtimeMs: { device: runtimeMs, worker: result.report.computeUs / 1000 },
    uploadBytes: sent.bytes(),
  };
}
