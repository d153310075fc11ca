import { percentile } from '../runtime/statistics.ts';

/**
 * What frames take on a device besides what their plans say: making the input ready, the way to the inference thread
 * and back. Of a network that takes two milliseconds that is a quarter.
 * INVARIANTS: never negative; what is no time tells nothing; what a busy machine adds to less than three quarters of the
 * frames is no part of it: a policy's margin is there for that.
 */
export interface FrameOverhead {
  observe(ms: number): void;
  /** As of the last frames, ms. */
  ms(): number;
}

/** Of so many frames … */
const windowSize = 12;
/** … so many take less than what counts: delays add, they never subtract. */
const share = 0.25;
/** As if there were none: the first frames of a process are slower than those that follow. */
const unseen = 3;

export function createFrameOverhead(): FrameOverhead {
  let recent: readonly number[] = Array.from({ length: unseen }, () => 0);
  return {
    observe(ms) {
      if (Number.isFinite(ms)) recent = [...recent, Math.max(0, ms)].slice(-windowSize);
    },
    ms: () => percentile(recent, share),
  };
}
