import type { SqliteDatabase } from './database.ts';

/**
 * How a worker fares, as its load reports and its presence told. Times are ms since 1970: they must outlive the
 * process, so that a control plane that is started anew moves nobody it would not have moved.
 */
export interface WorkerCondition {
  /** Since when it may have devices; null: it may not. */
  availableSinceMs: number | null;
  /** When its last load report came; null: none since it is available. */
  reportedMs: number | null;
  /** Of its last reports, the newest counting most: share of the time that its threads compute, 0..1. */
  utilisation: number;
  /** Share of the requests that were refused or late in the queue, 0..1. */
  refusedShare: number;
  /** Wait in the queue, ms. */
  queueMs: number;
  /** Since when it is overloaded without a pause; null: it is not. */
  overloadSinceMs: number | null;
  /** When it was overloaded last; null: never. */
  overloadEndedMs: number | null;
  /** When devices were last moved from or to it that could have stayed; null: never. */
  movedMs: number | null;
}

export const newWorkerCondition: WorkerCondition = {
  availableSinceMs: null,
  reportedMs: null,
  utilisation: 0,
  refusedShare: 0,
  queueMs: 0,
  overloadSinceMs: null,
  overloadEndedMs: null,
  movedMs: null,
};

/** The condition of each worker that was ever heard. */
export interface WorkerConditionStore {
  get(workerId: string): WorkerCondition;
  /** By worker. */
  all(): Map<string, WorkerCondition>;
  put(workerId: string, condition: WorkerCondition): void;
}

const columns = `available_since_ms AS availableSinceMs, reported_ms AS reportedMs, utilisation,
  refused_share AS refusedShare, queue_ms AS queueMs, overload_since_ms AS overloadSinceMs,
  overload_ended_ms AS overloadEndedMs, moved_ms AS movedMs`;

export function createWorkerConditionStore(db: SqliteDatabase): WorkerConditionStore {
  const one = db.prepare<[string], WorkerCondition>(`SELECT ${columns} FROM worker_conditions WHERE worker_id = ?`);
  const every = db.prepare<[], WorkerCondition & { id: string }>(
    `SELECT worker_id AS id, ${columns} FROM worker_conditions`,
  );
  const upsert = db.prepare<[WorkerCondition & { id: string }]>(
    `INSERT OR REPLACE INTO worker_conditions (worker_id, available_since_ms, reported_ms, utilisation, refused_share,
       queue_ms, overload_since_ms, overload_ended_ms, moved_ms)
     VALUES (@id, @availableSinceMs, @reportedMs, @utilisation, @refusedShare,
       @queueMs, @overloadSinceMs, @overloadEndedMs, @movedMs)`,
  );
  return {
    get: (workerId) => one.get(workerId) ?? newWorkerCondition,
    all: () => new Map(every.all().map(({ id, ...condition }) => [id, condition])),
    put: (id, condition) => void upsert.run({ id, ...condition }),
  };
}
