import type { SqliteDatabase } from './database.ts';
import type { ProfileKey } from './profiles.ts';

/** Where a class stands between drift and a new profile. Times are ms since 1970: they must outlive the process. */
export interface Reprofiling {
  /** Since when its drift is seen without a pause; null: it is not. */
  sinceMs: number | null;
  /** When a new profile was asked for last; null: never. */
  askedMs: number | null;
  /** Hash of the profile that is to be replaced; null: none is asked for. */
  replaces: string | null;
}

/** Where each class that drifts, or did, stands with its next profile. */
export interface ReprofilingStore {
  get(key: ProfileKey): Reprofiling | undefined;
  put(key: ProfileKey, reprofiling: Reprofiling): void;
}

interface Row {
  since_ms: number | null;
  asked_ms: number | null;
  replaces: string | null;
}

export function createReprofilingStore(db: SqliteDatabase): ReprofilingStore {
  const select = db.prepare<[string, string, string], Row>(
    `SELECT since_ms, asked_ms, replaces FROM reprofilings
     WHERE tier = ? AND hardware_class = ? AND model_digest = ?`,
  );
  const upsert = db.prepare<[string, string, string, number | null, number | null, string | null]>(
    `INSERT INTO reprofilings (tier, hardware_class, model_digest, since_ms, asked_ms, replaces)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (tier, hardware_class, model_digest)
     DO UPDATE SET since_ms = excluded.since_ms, asked_ms = excluded.asked_ms, replaces = excluded.replaces`,
  );
  return {
    get({ tier, hardwareClass, modelDigest }) {
      const row = select.get(tier, hardwareClass, modelDigest);
      return row && { sinceMs: row.since_ms, askedMs: row.asked_ms, replaces: row.replaces };
    },
    put: ({ tier, hardwareClass, modelDigest }, { sinceMs, askedMs, replaces }) =>
      void upsert.run(tier, hardwareClass, modelDigest, sinceMs, askedMs, replaces),
  };
}
