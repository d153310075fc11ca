import { type BandwidthState, stateOf } from '../../shared/planner/bandwidth-states.ts';
import type { BandwidthStateDetector } from '../../shared/planner/state-detector.ts';

/** Baseline: the state of each single sample, whatever came before. */
export function createNearestState(states: readonly BandwidthState[]): BandwidthStateDetector {
  return { observe: (mbps) => stateOf(states, mbps) };
}
