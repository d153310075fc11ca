import { samePlan } from '../../../shared/planner/plan.ts';
import type { MethodSummary } from './data.ts';
import type { PlayedFrame } from './replay.ts';
import { latencyMs, type Objective, rewardOf } from './score.ts';

/** Adds up the frames of one method, trace after trace. */
export interface Tally {
  beginTrace(): void;
  add(frame: PlayedFrame): void;
  summary(name: string): MethodSummary;
}

/** Steps of the quantiles that are kept: 2.5 %. */
const quantileSteps = 40;

export function createTally(objective: Objective, deadlineMs: number): Tally {
  const throughput: number[] = [];
  const rewards: number[] = [];
  let [met, fellBack, switches, accuracy] = [0, 0, 0, 0];
  let last: PlayedFrame | undefined;
  return {
    beginTrace() {
      last = undefined;
    },
    add(frame) {
      const totalMs = latencyMs(frame);
      throughput.push(1000 / totalMs);
      rewards.push(rewardOf(objective, frame, deadlineMs));
      if (totalMs <= deadlineMs) {
        met += 1;
        accuracy += frame.accuracy;
      }
      if (frame.fellBack) fellBack += 1;
      if (last !== undefined && !samePlan(last.planned.plan, frame.planned.plan)) switches += 1;
      last = frame;
    },
    summary(name) {
      const frames = throughput.length;
      return {
        name,
        frames,
        met,
        fellBack,
        switches,
        accuracyIfMet: rounded(accuracy / frames, 5),
        meanReward: rounded(rewards.reduce((sum, reward) => sum + reward, 0) / frames, 5),
        throughput: quantiles(throughput),
        reward: quantiles(rewards),
      };
    },
  };
}

function quantiles(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: quantileSteps + 1 }, (_, step) =>
    rounded(sorted[Math.round(((sorted.length - 1) * step) / quantileSteps)] ?? 0, 4),
  );
}

/** @returns the quantile that is kept nearest to a share */
export function quantile(kept: readonly number[], share: number): number {
  return kept[Math.round(share * (kept.length - 1))] ?? 0;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
