/** What admission needs to know of a piece of work. Times on one monotonic clock, ms. */
export interface Work {
  deadlineMs: number;
  costMs: number;
  /** Nobody is let down when it ends after its deadline, which then only gives its place in the queue. */
  mayBeLate: boolean;
}

export type Verdict = 'admitted' | 'expired' | 'overloaded';

export interface AdmissionInput {
  nowMs: number;
  /** What is admitted and waits, earliest deadline first. */
  waiting: readonly Work[];
  /** When each thread is expected to be free. */
  freeAtMs: readonly number[];
}

/**
 * Decides whether work is let into a queue that is served earliest deadline first.
 * INVARIANT: what was admitted is not made late by what comes after it.
 * @returns `expired` where even an idle worker would be too late, `overloaded` where the queue makes it so
 */
export function decideAdmission(work: Work, { nowMs, waiting, freeAtMs }: AdmissionInput): Verdict {
  if (nowMs + work.costMs >= work.deadlineMs) return 'expired';
  const place = placeOf(work, waiting);
  const together = [...waiting.slice(0, place), work, ...waiting.slice(place)];
  const lateAlready = countLate(waiting, nowMs, freeAtMs);
  return countLate(together, nowMs, freeAtMs) > lateAlready ? 'overloaded' : 'admitted';
}

/** @returns where work belongs in a queue ordered by deadline: behind its equals */
export function placeOf(
  { deadlineMs }: Pick<Work, 'deadlineMs'>,
  waiting: readonly Pick<Work, 'deadlineMs'>[],
): number {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((waiting[middle]?.deadlineMs ?? 0) <= deadlineMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Plays the queue through: each piece of work goes to the thread that is free first. */
function countLate(queue: readonly Work[], nowMs: number, freeAtMs: readonly number[]): number {
  const free = freeAtMs.map((at) => Math.max(at, nowMs));
  let late = 0;
  for (const { deadlineMs, costMs, mayBeLate } of queue) {
    let first = 0;
    for (let lane = 1; lane < free.length; lane += 1) {
      if ((free[lane] ?? 0) < (free[first] ?? 0)) first = lane;
    }
    const end = (free[first] ?? nowMs) + costMs;
    free[first] = end;
    if (end > deadlineMs && !mayBeLate) late += 1;
  }
  return late;
}
