import { type BandwidthState, followState } from '../../shared/planner/bandwidth-states.ts';
import { requireBandwidth } from '../../shared/planner/change-points.ts';
import type { BandwidthStateDetector } from '../../shared/planner/state-detector.ts';

export interface WeightedAverageOptions {
  states: readonly BandwidthState[];
  /** Weight of the newest sample, in (0, 1]; with 1 it is the nearest state. */
  weight: number;
  /** As of the state detector; 0, the plain average, if absent. */
  riseMargin?: number;
}

/** Baseline: the state of the exponentially weighted average of the samples, which begins at the first. */
export function createWeightedAverage(options: WeightedAverageOptions): BandwidthStateDetector {
  const { states, weight, riseMargin = 0 } = options;
  let averageMbps: number | undefined;
  let state: number | undefined;
  return {
    observe(mbps) {
      requireBandwidth(mbps);
      averageMbps = averageMbps === undefined ? mbps : averageMbps + weight * (mbps - averageMbps);
      state = followState(states, state, averageMbps, riseMargin);
      return state;
    },
  };
}
