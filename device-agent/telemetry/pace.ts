import type { Clock } from '../../shared/runtime/clock.ts';

/** How much of the link telemetry takes. */
export interface Pace {
  /** Most bytes of the next message. */
  limitBytes(): number;
  /** Milliseconds until the next message may leave. */
  waitMs(): number;
  sent(bytes: number): void;
}

export interface PaceOptions {
  clock: Clock;
  /** Most bytes a second; undefined: nothing else needs the link. */
  bytesPerSecond: () => number | undefined;
  /** Of one message, at any pace. */
  maxBytes: number;
}

/** Part of a second that one message takes at most: so long a tensor waits behind it. */
const messageSeconds = 0.5;

/** What is sent is paid for by waiting afterwards, so that no burst follows a silence. */
export function createPace({ clock, bytesPerSecond, maxBytes }: PaceOptions): Pace {
  let owedBytes = 0;
  let asOfMs = clock.nowMs();

  function settle(): number | undefined {
    const rate = bytesPerSecond();
    const nowMs = clock.nowMs();
    owedBytes = rate === undefined ? 0 : Math.max(0, owedBytes - (rate * (nowMs - asOfMs)) / 1000);
    asOfMs = nowMs;
    return rate;
  }
  return {
    limitBytes: () => Math.min(maxBytes, (bytesPerSecond() ?? Number.POSITIVE_INFINITY) * messageSeconds),
    waitMs() {
      const rate = settle();
      // In whole milliseconds, which a timer can wait: what is left of rounding would be waited for again and again.
      return rate === undefined ? 0 : Math.ceil((1000 * owedBytes) / rate);
    },
    sent(bytes) {
      if (settle() !== undefined) owedBytes += bytes;
    },
  };
}
