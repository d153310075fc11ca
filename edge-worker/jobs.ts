import type { Work, WorkKind } from './admission.ts';

/** A piece of work for one of the inference threads, which are numbered from 0. */
export interface Job {
  deadlineMs: number;
  /** What it is expected to take: on one thread or, without one, on the best. */
  costMs(thread?: number): number;
  /** The only thread that may run it. */
  pinned?: number;
  /** Never rejects. */
  run(thread: number): Promise<void>;
  /** Told instead of being run when its turn comes too late; without it, it is run however late. */
  expire?(): void;
}

/** What pieces of work have in common that one run of a thread may take together. */
export interface JobKind<Piece> {
  /** How many pieces a run may take on one thread or, without one, on the best: ascending, 1 first. */
  sizes(thread?: number): readonly number[];
  /** What a run of so many pieces should take, ms. */
  costMs(size: number, thread?: number): number;
  /** Never rejects. */
  run(pieces: readonly Piece[], thread: number): Promise<void>;
  /** More pieces wait than any run on this thread may take. */
  crowded(thread: number): void;
}

/** A piece of work that may be run together with others of its kind. */
export interface PieceOfWork<Piece> extends Pick<Job, 'deadlineMs'>, Required<Pick<Job, 'expire'>> {
  /** The same object for all of a kind. */
  kind: JobKind<Piece>;
  piece: Piece;
}

export type AnyJob<Piece> = Job | PieceOfWork<Piece>;

/** @returns what a run of the job takes, with so many of its kind */
export function costOf<Piece>(job: AnyJob<Piece>, size: number, thread?: number): number {
  return 'kind' in job ? job.kind.costMs(size, thread) : job.costMs(thread);
}

export function mayRunOn<Piece>(job: AnyJob<Piece>, thread: number): boolean {
  return 'kind' in job || job.pinned === undefined || job.pinned === thread;
}

/** @returns of some jobs those that may be run together with one of them, itself among them */
export function alike<Piece>(job: AnyJob<Piece>, jobs: readonly AnyJob<Piece>[]): AnyJob<Piece>[] {
  return 'kind' in job ? jobs.filter((other) => 'kind' in other && other.kind === job.kind) : [job];
}

/** @param jobs all alike */
export function runTogether<Piece>(jobs: readonly AnyJob<Piece>[], thread: number): Promise<void> {
  const [first] = jobs;
  if (first === undefined) return Promise.resolve();
  if (!('kind' in first)) return first.run(thread);
  const pieces = jobs.flatMap((job) => ('kind' in job ? [job.piece] : []));
  return first.kind.run(pieces, thread);
}

/** @returns what shows jobs as admission sees them, each on the thread that suits it best; for one queue at one time */
export function workMaker<Piece>(): (job: AnyJob<Piece>) => Work {
  const kinds = new Map<unknown, WorkKind>();
  return (job) => {
    const group = 'kind' in job ? job.kind : job;
    const kind = kinds.get(group) ?? workKindOf(job);
    kinds.set(group, kind);
    return { deadlineMs: job.deadlineMs, kind, mayBeLate: job.expire === undefined };
  };
}

function workKindOf<Piece>(job: AnyJob<Piece>): WorkKind {
  if (!('kind' in job)) return { sizes: [1], costMs: () => job.costMs() };
  const { kind } = job;
  return { sizes: kind.sizes(), costMs: (size) => kind.costMs(size) };
}
