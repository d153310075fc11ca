import type { Clock } from '../shared/runtime/clock.ts';
import { percentile } from '../shared/runtime/statistics.ts';

/** How long whole branches really take on this device now: what a fallback must leave time for. */
export interface LocalTiming {
  observe(exit: number, computeMs: number): void;
  /**
   * @param predictedMs of the fastest exit, by the profile
   * @returns time to leave for it: the greater of the prediction and what recent runs took, ms
   */
  rescueMs(predictedMs: number): number;
  /**
   * Runs the fastest exit for the sake of its time alone, where nothing has run it for long; never two at once.
   * @throws what `run` throws
   */
  rehearse(run: () => Promise<{ computeMs: number }>): Promise<void>;
  /** The fastest exit's recent runs: how many, and their 99th percentile, ms. */
  fastest(): { runs: number; p99Ms: number };
}

const kept = 1000;
/** Sorting on every frame would cost more than it tells. */
const refreshEvery = 10;
/** How old what is known of the fastest exit may become, ms. */
const rehearsalMs = 1000;
/** What rehearsals may take of the processor: a frame that comes meanwhile has to wait. */
const rehearsalShare = 0.02;

export function createLocalTiming(clock: Clock): LocalTiming {
  const runs: number[] = [];
  let observed = 0;
  let p99Ms = 0;
  let lastMs = clock.nowMs();
  let isRehearsing = false;
  const isKnown = (): boolean => clock.nowMs() - lastMs <= Math.max(rehearsalMs, p99Ms / rehearsalShare);

  function observe(exit: number, computeMs: number): void {
    if (exit !== 1) return;
    lastMs = clock.nowMs();
    runs.push(computeMs);
    if (runs.length > kept) runs.shift();
    if (observed < refreshEvery || observed % refreshEvery === 0) p99Ms = percentile(runs, 0.99);
    observed += 1;
  }

  return {
    observe,
    async rehearse(run) {
      // On a slow processor one takes longer than many frames that a worker runs: they must not queue up.
      if (isRehearsing || isKnown()) return;
      isRehearsing = true;
      try {
        observe(1, (await run()).computeMs);
      } finally {
        isRehearsing = false;
        lastMs = clock.nowMs();
      }
    },
    rescueMs: (predictedMs) => Math.max(predictedMs, p99Ms),
    fastest: () => ({ runs: observed, p99Ms }),
  };
}
