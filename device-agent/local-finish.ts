import type { Tensor } from '../shared/model/tensor.ts';
import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { deviceFactor, type PlanningInput } from '../shared/planner/predict.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import { continuations, type LocalEnd } from './continuations.ts';
import {
  type AnswerAtHand,
  deadlineAtMs,
  type FrameOutcome,
  type FramePlan,
  type FrameRunnerOptions,
} from './frame-run.ts';
import { rescueExit } from './rescue-exit.ts';
import type { DevicePart, SegmentRun } from './segments.ts';

/** Runs the whole branch of the plan. */
export async function runWhole(options: FrameRunnerOptions, framePlan: FramePlan): Promise<FrameOutcome> {
  const { frame, input, decision } = framePlan;
  const { exit } = decision.candidate.plan;
  const run = await options.segments.run(wholeBranch(input, exit), [frame.input], { urgent: true });
  options.localTiming.observe({ exit }, run.computeMs);
  return { ...outcomeOf(framePlan, exit, run), fallback: null };
}

/** A frame whose plan has failed. */
export interface Failed {
  reason: FallbackReason;
  /** What the plan's head has given, in the cut's order; empty where none was run. */
  cut: readonly Tensor[];
  /** Withdraws the rescue as long as it waits for the thread. */
  signal?: AbortSignal;
}

/**
 * Finishes on the best exit that fits the time left: whole, or from the cut onwards.
 * @throws {FleetError} `inference-cancelled` where the signal withdraws it
 */
export async function rescueLocally(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  { reason, cut, signal }: Failed,
): Promise<FrameOutcome> {
  const { segments, localTiming } = options;
  const { frame, input } = framePlan;
  const best = bestEnd(options, framePlan);
  if (best?.atHand !== undefined) return { ...outcomeAtHand(framePlan, best.atHand), fallback: reason };
  const { exit, part } = best ?? { exit: 1, part: wholeBranch(input, 1) };
  const isRest = part.direction === 'edge-first';
  const end = isRest ? { exit, continuedFrom: part.partition } : { exit };
  // What is handed to the thread is gone here, and in f32 the socket may still be reading the cut itself.
  const tensors = isRest ? cut.map(({ data, dims }) => ({ data: data.slice(), dims })) : [frame.input];
  const run = await segments.run(part, tensors, { urgent: true, ...(signal && { signal }) });
  localTiming.observe(end, run.computeMs);
  return { ...outcomeOf(framePlan, exit, run), ...end, fallback: reason };
}

/** @returns time to leave for finishing on the fastest exit, ms */
export function rescueMs({ localTiming }: Pick<FrameRunnerOptions, 'localTiming'>, { input }: FramePlan): number {
  return localTiming.rescueMs(fastestLocalMs(input));
}

/** @returns how many times longer than by its profile any segment may take on this device now */
export function slowdown({ localTiming }: Pick<FrameRunnerOptions, 'localTiming'>, { input }: FramePlan): number {
  return localTiming.slowdown(fastestLocalMs(input));
}

/** @returns all that a frame whose plan fails may end on at once */
export function localEnds(
  options: Pick<FrameRunnerOptions, 'segments' | 'localTiming'>,
  framePlan: Pick<FramePlan, 'input' | 'decision' | 'atHand'>,
): LocalEnd[] {
  const atHand = framePlan.atHand === undefined ? [] : [endAtHand(options, framePlan.input, framePlan.atHand)];
  return [...wholeBranches(options, framePlan.input), ...continuations(options, framePlan), ...atHand];
}

/** Nothing is left to run, but a timer may be as late as the fastest exit was at its slowest. */
function endAtHand(
  { localTiming }: Pick<FrameRunnerOptions, 'localTiming'>,
  input: PlanningInput,
  atHand: AnswerAtHand,
): LocalEnd {
  const { exit } = atHand;
  const accuracy = input.plans.model.exits[exit - 1]?.accuracy ?? 0;
  const fastestMs = fastestLocalMs(input);
  const reserveMs = Math.max(0, localTiming.rescueMs(fastestMs) - fastestMs);
  return { exit, part: wholeBranch(input, exit), accuracy, predictedMs: 0, slowMs: 0, reserveMs, atHand };
}

/** @returns the whole branches that can be run at once */
export function wholeBranches(
  { segments, localTiming }: Pick<FrameRunnerOptions, 'segments' | 'localTiming'>,
  input: PlanningInput,
): LocalEnd[] {
  const fastestMs = fastestLocalMs(input);
  const factor = deviceFactor(input);
  return input.plans.local
    .filter(({ plan }) => segments.has(plan))
    .map(({ plan: { exit }, accuracy, deviceMs }) => {
      const predictedMs = deviceMs * factor;
      const times = localTiming.timesOf({ exit, predictedMs, fastestMs });
      return { exit, part: wholeBranch(input, exit), accuracy, predictedMs, ...times };
    });
}

/** @returns N, the partition with which nothing is left for the worker */
export function lastPartition({ plans: { model } }: PlanningInput, exit: number): number {
  return (model.exits[exit - 1]?.cuts.length ?? 1) - 1;
}

function wholeBranch(input: PlanningInput, exit: number): DevicePart {
  return { exit, partition: lastPartition(input, exit), direction: 'device-first' };
}

/** @returns the plan by which a device runs an exit alone */
export function allLayersOf(input: PlanningInput, exit: number): Plan {
  return { exit, partition: lastPartition(input, exit), direction: 'device-first', encoding: 'f32' };
}

/** The best of what is loaded and fits the time left. */
function bestEnd(options: FrameRunnerOptions, framePlan: FramePlan): LocalEnd | undefined {
  const leftMs = deadlineAtMs(framePlan) - options.clock.nowMs();
  // What the thread is busy with may take longer too.
  const busyMs = options.segments.busyMs() * slowdown(options, framePlan);
  return rescueExit(localEnds(options, framePlan), framePlan.input.policy, leftMs - busyMs);
}

/** What its run took was spent before the cut was sent, and is counted there. */
function outcomeAtHand(
  framePlan: FramePlan,
  { exit, continuedFrom, output }: AnswerAtHand,
): Omit<FrameOutcome, 'fallback'> {
  const tensors = [{ data: output, dims: [1, output.length] }];
  return { ...outcomeOf(framePlan, exit, { tensors, tapped: [], computeMs: 0, runtimeMs: 0 }), continuedFrom };
}

/** All layers of the exit have been run on the device. */
function outcomeOf({ frame, input }: FramePlan, exit: number, run: SegmentRun): Omit<FrameOutcome, 'fallback'> {
  return {
    ...allLayersOf(input, exit),
    output: run.tensors[0]?.data ?? new Float32Array(),
    finishedOn: 'device',
    heard: false,
    breakdownMs: { device: frame.preprocessMs + run.computeMs, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 },
    runtimeMs: { device: run.runtimeMs, worker: 0 },
    uploadBytes: 0,
  };
}
