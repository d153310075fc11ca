/** A token bucket: what a connection may send for long, with one second's worth as a burst. */
export interface RateLimit {
  /** @returns how many whole tokens there are */
  available(nowMs: number): number;
  spend(tokens: number): void;
}

export function createRateLimit({ perSecond, nowMs }: { perSecond: number; nowMs: number }): RateLimit {
  let tokens = perSecond;
  let filledAtMs = nowMs;
  return {
    available(now) {
      tokens = Math.min(perSecond, tokens + ((now - filledAtMs) * perSecond) / 1000);
      filledAtMs = now;
      return Math.floor(tokens);
    },
    spend(count) {
      tokens -= count;
    },
  };
}
