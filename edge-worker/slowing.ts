import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import type { Tensors } from '../shared/model/tensor.ts';

/** What an emulated slower processor takes at least for a segment: so many times the segment's own time. */
export interface Slowing {
  /** @returns how long a run is to take at least, for the thread that runs it */
  atLeast(key: string): { minimumMs: number };
  /** Where a slower processor is emulated, times a segment that was just loaded. @param inputs given away */
  timeOnce(key: string, thread: InferenceThread, inputs: Tensors): Promise<void>;
}

/** With the gaps that segments are profiled with: an emulated processor is to be as slow as a profile takes it to be. */
const timing = { warmUp: 3, runs: 15, gapMs: 2 };

/** @param processorFactor asked before each run; absent: no slower processor is emulated */
export function createSlowing(processorFactor: (() => number) | undefined): Slowing {
  const ownTimeMs = new Map<string, number>();
  return {
    atLeast: (key) => ({ minimumMs: (processorFactor?.() ?? 0) * (ownTimeMs.get(key) ?? 0) }),
    async timeOnce(key, thread, inputs) {
      if (processorFactor === undefined || ownTimeMs.has(key)) return;
      const { minMs } = await thread.measure(key, inputs, timing);
      // The least of its runs: what other processes on this machine take from it is no part of its own time.
      ownTimeMs.set(key, minMs);
    },
  };
}
