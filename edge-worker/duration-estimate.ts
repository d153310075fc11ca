/**
 * How long something takes, learnt by doing it.
 * INVARIANT: one outlier moves it little, and refusing work because of it makes it smaller: an estimate that has
 * grown too large could otherwise never be proven wrong.
 */
export interface DurationEstimate {
  /** 0 until the first observation. */
  readonly ms: number;
  observe(ms: number): void;
  /** Work was turned away because of this estimate. */
  refused(): void;
}

const weight = 0.2;
const decayWhenRefused = 0.97;

/** @param initialMs what a profile says, 0 where nothing is known */
export function createDurationEstimate(initialMs = 0): DurationEstimate {
  let estimate = initialMs;
  return {
    get ms() {
      return estimate;
    },
    observe(ms) {
      estimate = estimate === 0 ? ms : estimate + weight * (Math.min(ms, 2 * estimate) - estimate);
    },
    refused() {
      estimate *= decayWhenRefused;
    },
  };
}
