/** Work that is alike: one run of a thread may take several pieces of it. */
export interface WorkKind {
  /** How many pieces a run may take, ascending, 1 first. */
  readonly sizes: readonly number[];
  /** What a run of so many pieces takes, ms. */
  costMs(size: number): number;
}

/** What admission needs to know of a piece of work. Times on one monotonic clock, ms. */
export interface Work {
  deadlineMs: number;
  /** The same object for all that may be run together. */
  kind: WorkKind;
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
 * Decides whether work is let into a queue that is served earliest deadline first, in batches where they pay.
 * INVARIANT: what was admitted is not made late by what comes after it.
 * @returns `expired` where even an idle worker would be too late, `overloaded` where the queue makes it so
 */
export function decideAdmission(work: Work, { nowMs, waiting, freeAtMs }: AdmissionInput): Verdict {
  if (nowMs + work.kind.costMs(1) >= work.deadlineMs) return 'expired';
  const place = placeOf(work, waiting);
  const together = [...waiting.slice(0, place), work, ...waiting.slice(place)];
  const lateAlready = countLate({ nowMs, waiting, freeAtMs });
  return countLate({ nowMs, waiting: together, freeAtMs }) > lateAlready ? 'overloaded' : 'admitted';
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

/** The pieces of one kind, and how many of them the play has come by and has given to a thread. */
interface Line {
  pieces: Work[];
  passed: number;
  taken: number;
}

/**
 * @returns how many pieces end after their deadline and must not, with batches as large as their own deadlines allow or
 *   one by one: by whichever way makes fewer late
 */
export function countLate(input: AdmissionInput): number {
  const inBatches = playThrough(input, largestBatch);
  if (inBatches === 0 || input.waiting.every(({ kind }) => kind.sizes.length === 1)) return inBatches;
  return Math.min(
    inBatches,
    playThrough(input, () => 1),
  );
}

type ChooseSize = (kind: WorkKind, most: number, leftMs: number) => number;

/** Plays the queue through: the thread that is free first takes the earliest deadline, and with it some of its kind. */
function playThrough({ nowMs, waiting, freeAtMs }: AdmissionInput, chooseSize: ChooseSize): number {
  const free = freeAtMs.map((at) => Math.max(at, nowMs));
  const lines = linesOf(waiting);
  let late = 0;
  for (const { kind, deadlineMs } of waiting) {
    const line = lines.get(kind);
    if (line === undefined) continue;
    line.passed += 1;
    if (line.passed <= line.taken) continue;
    const first = indexOfLeast(free);
    const startMs = free[first] ?? nowMs;
    const left = line.pieces.length - line.taken;
    const size = chooseSize(kind, shareOf(left, free.length), deadlineMs - startMs);
    const endMs = startMs + kind.costMs(size);
    for (const piece of line.pieces.slice(line.taken, line.taken + size)) {
      if (endMs > piece.deadlineMs && !piece.mayBeLate) late += 1;
    }
    line.taken += size;
    free[first] = endMs;
  }
  return late;
}

/** @returns how many of the pieces that wait one thread may take, so that the other threads have their share */
export function shareOf(pieces: number, threads: number): number {
  return Math.ceil(pieces / Math.max(1, threads));
}

/** @returns the greatest size that no more pieces than `most` make and that takes no longer than there is; else 1 */
function largestBatch(kind: WorkKind, most: number, leftMs: number): number {
  for (let i = kind.sizes.length - 1; i > 0; i -= 1) {
    const size = kind.sizes[i] ?? 1;
    if (size <= most && kind.costMs(size) <= leftMs) return size;
  }
  return 1;
}

function linesOf(queue: readonly Work[]): Map<WorkKind, Line> {
  const lines = new Map<WorkKind, Line>();
  for (const work of queue) {
    const line = lines.get(work.kind);
    if (line === undefined) lines.set(work.kind, { pieces: [work], passed: 0, taken: 0 });
    else line.pieces.push(work);
  }
  return lines;
}

function indexOfLeast(numbers: readonly number[]): number {
  let least = 0;
  for (let i = 1; i < numbers.length; i += 1) {
    if ((numbers[i] ?? 0) < (numbers[least] ?? 0)) least = i;
  }
  return least;
}
