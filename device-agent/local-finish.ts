import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { deviceFactor, type PlanningInput } from '../shared/planner/predict.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import { deadlineAtMs, type FrameOutcome, type FramePlan, type FrameRunnerOptions } from './frame-run.ts';
import { type RescueBranch, rescueExit } from './rescue-exit.ts';

/**
 * Runs a whole branch: that of the plan, or after a plan has failed the best one that fits the time left.
 * @param signal withdraws it as long as it waits for the thread
 * @throws {FleetError} `inference-cancelled` then
 */
export async function finishLocally(
  options: FrameRunnerOptions,
  framePlan: FramePlan,
  fallback: FallbackReason | null,
  signal?: AbortSignal,
): Promise<FrameOutcome> {
  const { frame, input, decision } = framePlan;
  const exit = fallback === null ? decision.candidate.plan.exit : bestExit(options, framePlan);
  const plan: Plan = { exit, partition: lastPartition(input, exit), direction: 'device-first', encoding: 'f32' };
  const run = await options.segments.run(plan, [frame.input], { urgent: true, ...(signal && { signal }) });
  options.localTiming.observe(exit, run.computeMs);
  return {
    ...plan,
    output: run.tensors[0]?.data ?? new Float32Array(),
    finishedOn: 'device',
    fallback,
    heard: false,
    breakdownMs: { device: frame.preprocessMs + run.computeMs, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 },
    runtimeMs: { device: run.runtimeMs, worker: 0 },
    uploadBytes: 0,
  };
}

/** @returns time to leave for finishing on the fastest exit, ms */
export function rescueMs({ localTiming }: Pick<FrameRunnerOptions, 'localTiming'>, { input }: FramePlan): number {
  return localTiming.rescueMs(fastestLocalMs(input));
}

/** @returns how many times longer than by its profile any segment may take on this device now */
export function slowdown({ localTiming }: Pick<FrameRunnerOptions, 'localTiming'>, { input }: FramePlan): number {
  return localTiming.slowdown(fastestLocalMs(input));
}

/** @returns the whole branches that can be run at once */
export function rescueBranches(
  { segments, localTiming }: Pick<FrameRunnerOptions, 'segments' | 'localTiming'>,
  input: PlanningInput,
): RescueBranch[] {
  const fastestMs = fastestLocalMs(input);
  const factor = deviceFactor(input);
  return input.plans.local
    .filter(({ plan }) => segments.has(plan))
    .map(({ plan: { exit }, accuracy, deviceMs }) => {
      const predictedMs = deviceMs * factor;
      return { exit, accuracy, predictedMs, ...localTiming.timesOf({ exit, predictedMs, fastestMs }) };
    });
}

/** @returns N, the partition with which nothing is left for the worker */
export function lastPartition({ plans: { model } }: PlanningInput, exit: number): number {
  return (model.exits[exit - 1]?.cuts.length ?? 1) - 1;
}

/** The best loaded exit that fits the time left. */
function bestExit(options: FrameRunnerOptions, framePlan: FramePlan): number {
  const leftMs = deadlineAtMs(framePlan) - options.clock.nowMs();
  const { input } = framePlan;
  // What the thread is busy with may take longer too.
  const busyMs = options.segments.busyMs() * slowdown(options, framePlan);
  return rescueExit(rescueBranches(options, input), input.policy, leftMs - busyMs)?.exit ?? 1;
}
