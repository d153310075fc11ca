import type { Clock } from '../../shared/runtime/clock.ts';

/** So many a second for long, with one second's worth as a burst: a token bucket. */
export interface Pace {
  /** @returns whether one more may go now; it then counts */
  take(): boolean;
  /** When to ask again, whole ms from now; 0: at once. */
  waitMs(): number;
}

export function createPace({ perSecond, clock }: { perSecond: number; clock: Pick<Clock, 'nowMs'> }): Pace {
  let tokens = perSecond;
  let filledAtMs = clock.nowMs();
  function fill(): void {
    const nowMs = clock.nowMs();
    tokens = Math.min(perSecond, tokens + ((nowMs - filledAtMs) * perSecond) / 1000);
    filledAtMs = nowMs;
  }
  return {
    take() {
      fill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    waitMs() {
      fill();
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1000) / perSecond);
    },
  };
}
