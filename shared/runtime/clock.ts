/** Time as an injected part, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds on a clock that never jumps, for latencies and deadlines. */
  nowMs(): number;
  /** Wall-clock time, for records that people read. */
  wallTime(): Date;
  /** Calls back once after a delay, at most 24 days; the result cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Node fires a longer timer at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallTime: () => new Date(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** @returns a clock for tests: starts at 0 ms, 2020-01-01T00:00:00Z */
export function createFakeClock(): FakeClock {
  const epochMs = Date.UTC(2020, 0, 1);
  let now = 0;
  let timers: { dueMs: number; callback: () => void }[] = [];
  return {
    nowMs: () => now,
    wallTime: () => new Date(epochMs + now),
    after(delayMs, callback) {
      const timer = { dueMs: now + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.dueMs <= end).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.dueMs);
        next.callback();
      }
      now = Math.max(now, end);
    },
  };
}
