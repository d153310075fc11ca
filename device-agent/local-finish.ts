import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { planLocal } from '../shared/planner/algorithm-1.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import { deadlineAtMs, type FrameOutcome, type FramePlan, type FrameRunnerOptions } from './frame-run.ts';

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
  const exit = fallback === null ? decision.candidate.plan.exit : rescueExit(options, framePlan);
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

/**
 * What is left is measured for the fastest exit as it runs at its slowest here: other segments may take as many times
 * longer than their profile says.
 * @returns that many times
 */
export function slowdown(options: Pick<FrameRunnerOptions, 'localTiming'>, framePlan: FramePlan): number {
  const predictedMs = fastestLocalMs(framePlan.input);
  return predictedMs > 0 ? options.localTiming.slowMs(predictedMs) / predictedMs : 1;
}

/** @returns N, the partition with which nothing is left for the worker */
export function lastPartition({ plans: { model } }: PlanningInput, exit: number): number {
  return (model.exits[exit - 1]?.cuts.length ?? 1) - 1;
}

/** The best loaded exit that fits the time left. */
function rescueExit(options: FrameRunnerOptions, framePlan: FramePlan): number {
  const { input } = framePlan;
  const leftMs = deadlineAtMs(framePlan) - options.clock.nowMs() - input.policy.marginMs;
  const now = { frameMs: 0, busyMs: options.segments.busyMs(), deviceSpread: slowdown(options, framePlan) };
  const loaded = (plan: Plan): boolean => options.segments.has(plan);
  // What the frame takes besides its plan lies behind it.
  return planLocal({ ...input, ...now, allow: loaded }, leftMs)?.plan.exit ?? 1;
}
