import { createDurationEstimate, type DurationEstimate } from './duration-estimate.ts';

/** Sizes of batches: few, since each has costs of its own to be learnt and memory of its own in the runtime. */
export const batchSizes: readonly number[] = [2, 4, 8, 16];

/** A batch pays where it takes less than this share of what its requests take one by one. */
const payingShare = 0.98;

/** How long a size that did not pay is left alone, ms. */
const triedAgainMs = 60_000;

/** How large batches may be. */
export interface BatchLimits {
  /** Requests that one run may take; 1: none are run together. */
  maxBatch: number;
  /** How long a batch may keep a thread, ms: whoever comes meanwhile has to wait for all of it. */
  maxBatchMs: number;
}

/**
 * What runs of several requests of one segment take.
 * INVARIANT: a size is used on a thread only after it was tried there, and only as long as it pays.
 */
export interface BatchCosts {
  /** @returns sizes that may be used on a thread or, without one, on some thread: ascending, 1 first */
  sizes(thread?: number): readonly number[];
  /** What a run of so many requests takes, ms. */
  ms(size: number): number;
  /** A run of so many requests took this long. */
  observe(size: number, ms: number): void;
  /** @returns the size that should be tried next on a thread, if any */
  untried(thread: number, limits: BatchLimits, nowMs: number): number | undefined;
  /** A size was tried on a thread. @param ms what its second run took there */
  tried(size: number, ms: number, where: { thread: number; nowMs: number }): void;
  /** The thread has the segment no longer as it was when sizes were tried. */
  forget(thread: number): void;
  /** Running requests together gives something else than running them one by one: it is never done again. */
  refuse(): void;
}

/** @param single what a run of one request takes */
export function createBatchCosts(single: Pick<DurationEstimate, 'ms'>): BatchCosts {
  const estimates = new Map<number, DurationEstimate>();
  /** By thread and size, when. */
  const triedAtMs = new Map<number, Map<number, number>>();
  let refused = false;

  function pays(size: number): boolean {
    const ms = estimates.get(size)?.ms ?? Number.POSITIVE_INFINITY;
    return ms < payingShare * size * single.ms;
  }

  function isTried(size: number, thread: number | undefined): boolean {
    if (thread !== undefined) return triedAtMs.get(thread)?.has(size) === true;
    return [...triedAtMs.values()].some((sizes) => sizes.has(size));
  }

  return {
    sizes: (thread) => [1, ...batchSizes.filter((size) => !refused && isTried(size, thread) && pays(size))],
    ms: (size) => (size === 1 ? single.ms : (estimates.get(size)?.ms ?? size * single.ms)),
    observe(size, ms) {
      estimates.get(size)?.observe(ms);
    },
    untried(thread, { maxBatch, maxBatchMs }, nowMs) {
      if (refused || single.ms === 0) return undefined;
      return batchSizes.find((size) => {
        if (size > maxBatch || size * single.ms > maxBatchMs) return false;
        const atMs = triedAtMs.get(thread)?.get(size);
        return atMs === undefined || (!pays(size) && nowMs - atMs > triedAgainMs);
      });
    },
    tried(size, ms, { thread, nowMs }) {
      const known = estimates.get(size);
      if (known !== undefined && pays(size)) known.observe(ms);
      else estimates.set(size, createDurationEstimate(ms));
      triedAtMs.set(thread, (triedAtMs.get(thread) ?? new Map<number, number>()).set(size, nowMs));
    },
    forget: (thread) => void triedAtMs.delete(thread),
    refuse() {
      refused = true;
    },
  };
}
