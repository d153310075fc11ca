/**
 * Full jitter: any delay up to an exponentially growing cap is equally likely, so that a thousand clients that
 * lost the same server do not come back together.
 * @param failures attempts that failed so far, from 1
 * @param maxDelayMs the cap's own cap
 * @param random in [0, 1)
 * @param firstCapMs the cap after one failure; it doubles with each further one
 */
export function fullJitterDelayMs(
  failures: number,
  maxDelayMs: number,
  random: () => number,
  firstCapMs = 200,
): number {
  return random() * Math.min(maxDelayMs, firstCapMs * 2 ** (Math.min(failures, 16) - 1));
}
