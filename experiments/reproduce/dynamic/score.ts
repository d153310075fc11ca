import { paperReward } from '../../../shared/planner/reward.ts';
import type { Policy } from '../../../shared/protocol/messages.ts';
import type { VirtualFrame } from './virtual-frame.ts';

/** Objectives whose reward is told. */
export type Objective = Extract<Policy['objective'], 'paper' | 'accuracy'>;

/** @returns from the frame's arrival to its end, ms */
export function latencyMs({ startMs, endMs }: Pick<VirtualFrame, 'startMs' | 'endMs'>): number {
  return endMs - startMs;
}

/** @returns the paper's reward, or the accuracy; 0 for a frame that is late */
export function rewardOf(
  objective: Objective,
  frame: Pick<VirtualFrame, 'startMs' | 'endMs' | 'accuracy'>,
  deadlineMs: number,
): number {
  const totalMs = latencyMs(frame);
  if (objective === 'paper') return paperReward(frame.accuracy, { totalMs, deadlineMs });
  return totalMs <= deadlineMs ? frame.accuracy : 0;
}
