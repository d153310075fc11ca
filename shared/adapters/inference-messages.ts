import type { Tensors } from '../model/tensor.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import type { SessionBudget } from './session-ledger.ts';

/** What the client of an inference thread asks of it; it answers in the same order, one after the other. */
export type InferenceRequest =
  | {
      readonly kind: 'load';
      readonly key: string;
      readonly bytes: Uint8Array;
      /** Sessions that are released before. */
      readonly evict: readonly string[];
    }
  | { readonly kind: 'run'; readonly key: string; readonly inputs: Tensors; readonly minimumMs: number }
  | ({ readonly kind: 'measure'; readonly key: string; readonly inputs: Tensors } & MeasurePlan)
  | { readonly kind: 'unload'; readonly key: string }
  | { readonly kind: 'close' };

export type InferenceReply =
  | { readonly kind: 'load'; readonly loadMs: number }
  | ({ readonly kind: 'run' } & Omit<RunResult, 'startedAtMs'> & { readonly startedMonotonicMs: number })
  | ({ readonly kind: 'measure' } & Measurement)
  | { readonly kind: 'unload' }
  | { readonly kind: 'close' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** How a segment is measured. */
export interface MeasurePlan {
  /** Runs before those that count. */
  readonly warmUp: number;
  readonly runs: number;
  /** Pause before each run: a processor that dozes off in between is slower. */
  readonly gapMs: number;
}

export interface Measurement {
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly minMs: number;
  readonly runs: number;
  /** Of each run that counts, in the order of running. */
  readonly timesMs: readonly number[];
}

export interface RunResult {
  readonly outputs: Tensors;
  /** From the start of the run to its end, with the waiting of an emulated slower processor. */
  readonly computeMs: number;
  /** What the runtime itself took. */
  readonly runtimeMs: number;
  /** When the run started, on the client's `performance.now()`. */
  readonly startedAtMs: number;
}

/** What a thread is started with. */
export interface InferenceThreadOptions extends Partial<SessionBudget> {
  /** Sessions kept loaded; loading one more releases the one that was used longest ago. */
  readonly maxSessions: number;
  /**
   * Jobs that are with the thread at one time, 1 if absent: with more it need not wait for this one's event loop between
   * two runs, and that many can no longer be withdrawn.
   */
  readonly jobsInFlight?: number;
  /** What each session is counted with beyond its estimate, bytes, 0 if absent: for runs of several images. */
  readonly bytesBesides?: number;
}

/** @returns the process's monotonic clock in ms: the one clock that all its threads share */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** @returns the buffers of tensors, each once, for handing them to another thread */
export function buffersOf(tensors: Tensors): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of Object.values(tensors)) {
    if (data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  }
  return [...buffers];
}
