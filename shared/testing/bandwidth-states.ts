import fc from 'fast-check';
import type { BandwidthState } from '../planner/bandwidth-states.ts';

/** @returns states of these rates, each beginning half-way from the one before */
export function statesOf(ratesMbps: readonly number[]): BandwidthState[] {
  return ratesMbps.map((mbps, i) => ({ mbps, fromMbps: i === 0 ? 0 : (mbps + (ratesMbps[i - 1] ?? 0)) / 2 }));
}

/** One to eight states between 0.05 and 100 Mbit/s. */
export const arbitraryStates: fc.Arbitrary<BandwidthState[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 })
  .map((steps) => statesOf(steps.toSorted((a, b) => a - b).map((step) => step / 20)));
