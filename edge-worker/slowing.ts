import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import type { Tensors } from '../shared/model/tensor.ts';

/** What is slowed: a segment, for so many requests in one run. */
export interface SlowedRun {
  key: string;
  size: number;
}

/**
 * What an emulated slower processor takes at least for a run: so many times the run's own time. A run of several
 * requests has an own time of its own: the processor that is emulated gains by it as much as this one.
 */
export interface Slowing {
  /** @returns how long a run is to take at least, for the thread that runs it */
  atLeast(run: SlowedRun): { minimumMs: number };
  /**
   * Where a slower processor is emulated, times a run on a thread that has the segment loaded.
   * @param toInputs makes inputs of so many requests
   */
  timeOnce(run: SlowedRun, thread: InferenceThread, toInputs: () => Tensors): Promise<void>;
}

/** With the gaps that segments are profiled with: an emulated processor is to be as slow as a profile takes it to be. */
const timing = { warmUp: 3, runs: 15, gapMs: 2 };

/** @param processorFactor asked before each run; absent: no slower processor is emulated */
export function createSlowing(processorFactor: (() => number) | undefined): Slowing {
  const ownTimeMs = new Map<string, number>();
  const nameOf = ({ key, size }: SlowedRun): string => `${size} ${key}`;
  return {
    atLeast: (run) => ({ minimumMs: (processorFactor?.() ?? 0) * (ownTimeMs.get(nameOf(run)) ?? 0) }),
    async timeOnce(run, thread, toInputs) {
      if (processorFactor === undefined || ownTimeMs.has(nameOf(run))) return;
      const { minMs } = await thread.measure(run.key, toInputs(), timing);
      // The least of its runs: what other processes on this machine take from it is no part of its own time.
      ownTimeMs.set(nameOf(run), minMs);
    },
  };
}
