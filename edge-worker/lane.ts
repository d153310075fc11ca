/** What one inference thread was given, and when it should be done with it. Times on one monotonic clock, ms. */
export interface Lane {
  /** @returns whether it may be given work: it has none, or so little left that it would soon run dry */
  isOpen(nowMs: number): boolean;
  /** @returns when it becomes open if nothing is done earlier than expected; undefined where only an end can tell */
  opensAtMs(): number | undefined;
  /** @returns when it should be done with all that it was given */
  freeAtMs(nowMs: number): number;
  isIdle(): boolean;
  begin(nowMs: number, costMs: number): void;
  /** The oldest of what it was given is done. */
  end(nowMs: number): void;
  /** Milliseconds that it had work so far. */
  busyMs(nowMs: number): number;
}

/** How far ahead a thread is given work, so that it need not wait for the event loop between two runs. */
export interface HandOver {
  /** It is given more as soon as what it has should take no longer than this, ms; 0: only when it has nothing. */
  aheadMs: number;
  /** Runs that it holds at most. */
  most: number;
}

export function createLane({ aheadMs, most }: HandOver): Lane {
  /** What each run that it holds is expected to take, in the order of running. */
  const costs: number[] = [];
  let freeAt = 0;
  let busySince = 0;
  let finishedMs = 0;
  const isFull = (): boolean => costs.length >= most || (aheadMs === 0 && costs.length > 0);

  return {
    isOpen: (nowMs) => costs.length === 0 || (!isFull() && freeAt - nowMs <= aheadMs),
    opensAtMs: () => (isFull() ? undefined : freeAt - aheadMs),
    freeAtMs: (nowMs) => (costs.length === 0 ? nowMs : Math.max(nowMs, freeAt)),
    isIdle: () => costs.length === 0,
    begin(nowMs, costMs) {
      if (costs.length === 0) busySince = nowMs;
      freeAt = (costs.length === 0 ? nowMs : Math.max(nowMs, freeAt)) + costMs;
      costs.push(costMs);
    },
    end(nowMs) {
      costs.shift();
      freeAt = costs.reduce((sum, costMs) => sum + costMs, nowMs);
      if (costs.length === 0) finishedMs += nowMs - busySince;
    },
    busyMs: (nowMs) => finishedMs + (costs.length === 0 ? 0 : nowMs - busySince),
  };
}
