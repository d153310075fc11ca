import { type StatesFile, statesFileParser } from '../../shared/protocol/states-file.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';

/** Bandwidth states that an operator put in force: a version once stored is never changed; the highest is in force. */
export interface BandwidthStateStore {
  /** 0 before the first. */
  version(): number;
  /** @returns null where the operator went back to the default, or never left it @throws {FleetError} `store-damaged` */
  current(): StatesFile | null;
  /** Stores the next version. @param states null: the default */
  add(states: StatesFile | null, at: string): void;
}

interface Row {
  version: number;
  body: string;
  hash: string;
}

export function createBandwidthStateStore(db: SqliteDatabase): BandwidthStateStore {
  const newest = db.prepare<[], Row>('SELECT version, body, hash FROM bandwidth_states ORDER BY version DESC LIMIT 1');
  const number = db.prepare<[], { version: number }>(
    'SELECT COALESCE(MAX(version), 0) AS version FROM bandwidth_states',
  );
  const insert = db.prepare<[number, string, string, string]>(
    'INSERT INTO bandwidth_states (version, body, hash, created_at) VALUES (?, ?, ?, ?)',
  );
  const version = (): number => number.get()?.version ?? 0;
  return {
    version,
    current() {
      const row = newest.get();
      if (row === undefined) return null;
      const body = requireIntact(row.body, row.hash, `bandwidth states version ${row.version}`);
      return body === 'null' ? null : statesFileParser.parseJson(body);
    },
    add(states, at) {
      const body = JSON.stringify(states);
      insert.run(version() + 1, body, contentHash(body), at);
    },
  };
}
