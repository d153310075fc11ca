import type { SqliteDatabase } from './database.ts';

/** One report of a device, as it came. */
export interface StoredReport {
  position: number;
  receivedAt: string;
  /** JSON text. */
  body: string;
}

/** The reports of one kind, of all devices. */
export interface TelemetryStore {
  /** @returns false where this report is stored already: (device, boot, sequence) names it */
  add(deviceId: string, report: { schema: 1; boot: number; sequence: number }, at: string): boolean;
  /** Newest first; `before` is the last position of the page before. */
  page(deviceId: string, page: { before: number | undefined; limit: number }): StoredReport[];
  /** Deletes what is older than `olderThan`, and all but the newest `keep` reports of these devices. */
  prune(options: { deviceIds: Iterable<string>; keep: number; olderThan: string }): void;
}

export function createTelemetryStore(db: SqliteDatabase, table: 'samples' | 'summaries' | 'results'): TelemetryStore {
  const insert = db.prepare<[string, number, number, string, string]>(
    `INSERT INTO ${table} (device_id, boot, sequence, received_at, body) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (device_id, boot, sequence) DO NOTHING`,
  );
  const select = db.prepare<[string, number, number], { position: number; received_at: string; body: string }>(
    `SELECT position, received_at, body FROM ${table}
     WHERE device_id = ? AND position < ? ORDER BY position DESC LIMIT ?`,
  );
  const pruneCount = db.prepare<[string, string, number]>(
    `DELETE FROM ${table} WHERE device_id = ? AND position <=
       (SELECT position FROM ${table} WHERE device_id = ? ORDER BY position DESC LIMIT 1 OFFSET ?)`,
  );
  const pruneAge = db.prepare<[string]>(`DELETE FROM ${table} WHERE received_at < ?`);
  return {
    add: (deviceId, report, at) =>
      insert.run(deviceId, report.boot, report.sequence, at, JSON.stringify(report)).changes === 1,
    page: (deviceId, { before, limit }) =>
      select
        .all(deviceId, before ?? Number.MAX_SAFE_INTEGER, limit)
        .map(({ received_at: receivedAt, ...row }) => ({ ...row, receivedAt })),
    prune({ deviceIds, keep, olderThan }) {
      pruneAge.run(olderThan);
      for (const id of deviceIds) pruneCount.run(id, id, keep);
    },
  };
}
