import { percentile } from '../shared/runtime/statistics.ts';

/** How long whole branches really take on this device now: what a fallback must leave time for. */
export interface LocalTiming {
  observe(exit: number, computeMs: number): void;
  /**
   * @param predictedMs of the fastest exit, by the profile
   * @returns time to leave for it: the greater of the prediction and what recent runs took, ms
   */
  rescueMs(predictedMs: number): number;
  /** The fastest exit's recent runs: how many, and their 99th percentile, ms. */
  fastest(): { runs: number; p99Ms: number };
}

const kept = 1000;
/** Sorting on every frame would cost more than it tells. */
const refreshEvery = 10;

export function createLocalTiming(): LocalTiming {
  const runs: number[] = [];
  let observed = 0;
  let p99Ms = 0;
  return {
    observe(exit, computeMs) {
      if (exit !== 1) return;
      runs.push(computeMs);
      if (runs.length > kept) runs.shift();
      if (observed < refreshEvery || observed % refreshEvery === 0) p99Ms = percentile(runs, 0.99);
      observed += 1;
    },
    rescueMs: (predictedMs) => Math.max(predictedMs, p99Ms),
    fastest: () => ({ runs: observed, p99Ms }),
  };
}
