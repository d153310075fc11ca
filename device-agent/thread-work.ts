import type { Clock } from '../shared/runtime/clock.ts';

/**
 * What a thread that runs one thing at a time was given and has not ended, and for how long that will keep it busy.
 * INVARIANT: never below 0; what takes longer than it did before may end at any moment.
 */
export interface ThreadWork {
  /**
   * Counts a run until it has ended, well or not.
   * @param key of what is run: what it took before is what it should take
   * @param leastMs what it takes at least, for the first run of a key
   */
  track<T extends { computeMs: number }>(key: string, leastMs: number, run: () => Promise<T>): Promise<T>;
  remainingMs(): number;
}

/** Of a new time in what a key is expected to take. */
const gain = 0.3;

export function createThreadWork(clock: Pick<Clock, 'nowMs'>): ThreadWork {
  const tookMs = new Map<string, number>();
  const pending = new Set<{ expectedMs: number }>();
  /** When the run in flight began, at the earliest. */
  let begunAtMs = 0;

  function learn(key: string, computeMs: number): void {
    const before = tookMs.get(key) ?? computeMs;
    tookMs.set(key, before + gain * (computeMs - before));
  }

  return {
    async track(key, leastMs, run) {
      const job = { expectedMs: tookMs.get(key) ?? leastMs };
      if (pending.size === 0) begunAtMs = clock.nowMs();
      pending.add(job);
      try {
        const result = await run();
        learn(key, result.computeMs);
        return result;
      } finally {
        const [running] = pending;
        pending.delete(job);
        // Only what waited may have been withdrawn: the run in flight goes on.
        if (running === job) begunAtMs = clock.nowMs();
      }
    },
    remainingMs() {
      const [running, ...waiting] = pending;
      if (running === undefined) return 0;
      const leftMs = Math.max(0, running.expectedMs - (clock.nowMs() - begunAtMs));
      return waiting.reduce((sum, { expectedMs }) => sum + expectedMs, leftMs);
    },
  };
}
