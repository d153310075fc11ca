import { entropyOf } from '../shared/model/entropy.ts';
import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { restMs } from './continuations.ts';
import type { EarlyExit } from './early-exits.ts';
import {
  type AnswerAtHand,
  type AskedExit,
  deadlineAtMs,
  type FrameOutcome,
  type FramePlan,
  type FrameRunnerOptions,
} from './frame-run.ts';
import { allLayersOf, slowdown } from './local-finish.ts';
import type { SegmentRun } from './segments.ts';

/** What an early exit has said. */
export interface EarlyAnswer {
  asked: AskedExit;
  run: SegmentRun;
}

/**
 * Asks the exit that the head has passed, before anything is sent: what it answers itself costs no byte, and no worker's
 * time. To send first and cancel would save the time that asking takes, and cost most of the bytes wherever the link is
 * not the bottleneck.
 * @returns undefined where the time does not allow it: at its slowest it must leave what the rest of the plan takes as
 *   predicted. If no reply comes then, what it said is an answer at hand
 * @see Teerapittayanon, McDanel, Kung, "BranchyNet", ICPR 2016, algorithm 2
 */
export async function askEarlyExit(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  { early, head }: { early: EarlyExit; head: SegmentRun },
): Promise<EarlyAnswer | undefined> {
  const { segments, localTiming, clock } = options;
  const { side, threshold } = early;
  if (!hasTimeFor(options, framePlan, early)) return undefined;
  const startMs = clock.nowMs();
  // The cut is still to be sent, and what the thread is handed is gone here.
  const own = head.tapped.map((tensor) =>
    head.tensors.includes(tensor) ? { data: tensor.data.slice(), dims: tensor.dims } : tensor,
  );
  const run = await segments.run(side, own, { urgent: true });
  localTiming.observe({ exit: side.exit, continuedFrom: side.partition }, run.computeMs);
  const entropy = entropyOf(run.tensors[0]?.data ?? new Float32Array());
  const ms = clock.nowMs() - startMs;
  return { asked: { exit: side.exit, entropy, threshold, confident: entropy < threshold, ms }, run };
}

/** @returns the frame ended on an early exit, nothing sent */
export function earlyOutcome(
  { frame, input }: FramePlan,
  head: SegmentRun,
  { early: { side }, answer: { asked, run } }: { early: EarlyExit; answer: EarlyAnswer },
): FrameOutcome {
  const device = frame.preprocessMs + head.computeMs + asked.ms;
  return {
    ...allLayersOf(input, side.exit),
    output: run.tensors[0]?.data ?? new Float32Array(),
    finishedOn: 'device',
    fallback: null,
    continuedFrom: side.partition,
    asked,
    heard: false,
    breakdownMs: { device, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 },
    runtimeMs: { device: head.runtimeMs + run.runtimeMs, worker: 0 },
    uploadBytes: 0,
  };
}

/** @returns what a fallback may end on without running anything */
export function atHandOf({ side: { exit, partition } }: EarlyExit, { run }: EarlyAnswer): AnswerAtHand {
  return { exit, continuedFrom: partition, output: run.tensors[0]?.data ?? new Float32Array() };
}

function hasTimeFor(options: FrameRunnerOptions, framePlan: FramePlan, { side }: EarlyExit): boolean {
  const { input, decision } = framePlan;
  const predictedMs = restMs(input, side);
  if (predictedMs === undefined) return false;
  const { exit, partition: continuedFrom } = side;
  const end = { exit, continuedFrom, predictedMs, fastestMs: fastestLocalMs(input) };
  const askingMs = options.localTiming.timesOf(end).slowMs + options.segments.busyMs() * slowdown(options, framePlan);
  const { totalMs, breakdownMs } = decision.candidate.prediction;
  const leftMs = deadlineAtMs(framePlan) - options.clock.nowMs() - input.policy.marginMs;
  return askingMs + totalMs - breakdownMs.device <= leftMs;
}
