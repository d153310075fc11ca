import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { FleetError } from '../../shared/runtime/errors.ts';
import { migrations } from './migrations.ts';

export type SqliteDatabase = Database.Database;

/**
 * Opens the one truth of the fleet and brings its tables up to date.
 * INVARIANTS: one process writes; what a statement answered survives a power cut (synchronous=FULL: in WAL the
 * default NORMAL loses acknowledged rows); a lock by somebody else fails soon, for waiting blocks the event loop.
 * @throws {FleetError} `store-damaged` for a database of a later release
 */
export function openDatabase(path: string): SqliteDatabase {
  const db = new Database(path, { timeout: 250 });
  chmodSync(path, 0o600);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  db.pragma(`journal_size_limit = ${64 << 20}`);
  db.pragma('foreign_keys = ON');
  migrate(db, path);
  return db;
}

/** @returns whether the store itself fails (locked, full, unreadable), rather than refuses what it was given */
export function isStoreUnavailable(error: unknown): boolean {
  return error instanceof Database.SqliteError && !error.code.startsWith('SQLITE_CONSTRAINT');
}

function migrate(db: SqliteDatabase, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    db.close();
    throw new FleetError('store-damaged', `${path} has tables of a later release (${version})`);
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${index + 1}`);
    })();
  }
}
