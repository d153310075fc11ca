import type { Clock } from '../shared/runtime/clock.ts';
import { percentile } from '../shared/runtime/statistics.ts';

/** How long whole branches really take on this device now: what a fallback must leave time for. */
export interface LocalTiming {
  observe(exit: number, computeMs: number): void;
  /** @returns what it takes at its slowest: the prediction, or the 99th percentile of recent runs if that is more, ms */
  slowMs(predictedMs: number): number;
  /**
   * @param predictedMs of the fastest exit, by the profile
   * @returns time to leave for it: what it takes at its slowest, with room for what was not seen yet, ms
   */
  rescueMs(predictedMs: number): number;
  /**
   * Runs the fastest exit for the sake of its time alone, where no whole branch has been run for long; never two at once.
   * Whoever runs any of them needs no rescue meanwhile, and a frame that comes would have to wait behind it.
   * @throws what `run` throws
   */
  rehearse(run: () => Promise<{ computeMs: number }>): Promise<void>;
  /** The fastest exit's recent runs: how many, and their 99th percentile, ms. */
  fastest(): { runs: number; p99Ms: number };
}

const kept = 1000;
/** The slowest of fewer runs is no 99th percentile … */
const fewRuns = 100;
/**
 * … and when a worker dies, all of its devices fall back at once: threads and timers are later then than in a rehearsal.
 * A deadline of 1.5 times the 99th percentile still has to leave room for a reply.
 */
const room = { share: 0.25, mostMs: 10, slowestShare: 0.4 };
/** Sorting on every frame would cost more than it tells. */
const refreshEvery = 10;
/** How long ago the last whole branch may have been run, ms. */
const rehearsalMs = 1000;
/** What rehearsals may take of the processor: a frame that comes meanwhile has to wait. */
const rehearsalShare = 0.02;

export function createLocalTiming(clock: Clock): LocalTiming {
  const runs: number[] = [];
  let observed = 0;
  let p99Ms = 0;
  let slowestMs = 0;
  let lastMs = clock.nowMs();
  let isRehearsing = false;
  const isFresh = (): boolean => clock.nowMs() - lastMs <= rehearsalGapMs(p99Ms);

  const slowMs = (predictedMs: number): number => Math.max(predictedMs, p99Ms);

  function observe(exit: number, computeMs: number): void {
    lastMs = clock.nowMs();
    if (exit !== 1) return;
    runs.push(computeMs);
    if (runs.length > kept) runs.shift();
    if (observed < refreshEvery || observed % refreshEvery === 0) {
      p99Ms = percentile(runs, 0.99);
      slowestMs = Math.max(...runs);
    }
    observed += 1;
  }

  return {
    observe,
    async rehearse(run) {
      // On a slow processor one takes longer than many frames that a worker runs: they must not queue up.
      if (isRehearsing || isFresh()) return;
      isRehearsing = true;
      try {
        observe(1, (await run()).computeMs);
      } finally {
        isRehearsing = false;
        lastMs = clock.nowMs();
      }
    },
    slowMs,
    rescueMs: (predictedMs) => reservedMs({ runs: observed, p99Ms: slowMs(predictedMs), slowestMs }),
    fastest: () => ({ runs: observed, p99Ms }),
  };
}

/** @returns for how long after a whole branch was run the fastest exit is not rehearsed, ms */
export function rehearsalGapMs(p99Ms: number): number {
  return Math.max(rehearsalMs, p99Ms / rehearsalShare);
}

/** @returns time to leave for the fastest exit, ms, by its recent runs */
export function reservedMs({ runs, p99Ms, slowestMs }: { runs: number; p99Ms: number; slowestMs: number }): number {
  const seenMs = Math.max(p99Ms, Math.min(slowestMs, (1 + room.slowestShare) * p99Ms));
  return runs < fewRuns ? seenMs + Math.min(room.share * p99Ms, room.mostMs) : seenMs;
}
