import { countLate, shareOf } from './admission.ts';
import { type AnyJob, alike, costOf, workMaker } from './jobs.ts';

export interface BatchChoiceInput<Piece> {
  /** All that waits, earliest deadline first. */
  waiting: readonly AnyJob<Piece>[];
  /** Who is to run it. */
  thread: number;
  nowMs: number;
  /** When each thread should be free. */
  freeAtMs: readonly number[];
}

export interface BatchChoice<Piece> {
  /** The job itself first. */
  batch: readonly AnyJob<Piece>[];
  /** The thread's share of what waits is more than any batch may hold. */
  isCrowded: boolean;
}

/**
 * Chooses what a thread runs together with a job: of the sizes that it may, the one with the fewest late of all that
 * waits, and of such sizes the greatest. The other threads are left their share.
 */
export function chooseBatch<Piece>(job: AnyJob<Piece>, input: BatchChoiceInput<Piece>): BatchChoice<Piece> {
  const { waiting, thread, freeAtMs } = input;
  if (!('kind' in job)) return { batch: [job], isCrowded: false };
  const all = alike(job, waiting);
  const candidates = all.slice(0, shareOf(all.length, freeAtMs.length));
  const sizes = job.kind.sizes(thread);
  const possible = sizes.filter((size) => size <= candidates.length);
  const isCrowded = candidates.length > (sizes.at(-1) ?? 1);
  if (possible.length === 1) return { batch: [job], isCrowded };
  let best: readonly AnyJob<Piece>[] = [job];
  let fewest = Number.POSITIVE_INFINITY;
  for (const size of possible.toReversed()) {
    const batch = candidates.slice(0, size);
    const late = lateWith(batch, input);
    if (late >= fewest) continue;
    best = batch;
    fewest = late;
    if (late === 0) break;
  }
  return { batch: best, isCrowded };
}

/** @returns how many would be late if these were run now: of them, and of all that waits besides */
function lateWith<Piece>(batch: readonly AnyJob<Piece>[], input: BatchChoiceInput<Piece>): number {
  const { waiting, thread, nowMs } = input;
  const [first] = batch;
  const costMs = first === undefined ? 0 : costOf(first, batch.length, thread);
  const endMs = (input.freeAtMs[thread] ?? nowMs) + costMs;
  const freeAtMs = input.freeAtMs.with(thread, endMs);
  const taken = new Set(batch);
  const rest = waiting.filter((job) => !taken.has(job)).map(workMaker<Piece>());
  const lateInBatch = batch.filter(({ deadlineMs }) => endMs > deadlineMs).length;
  return lateInBatch + countLate({ nowMs, waiting: rest, freeAtMs });
}
