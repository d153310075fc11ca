import type { SqliteDatabase } from './database.ts';
import type { ProfileKey } from './profiles.ts';

/** Who is to measure a missing profile, and until when. */
export interface Lease {
  holder: string;
  /** Wall-clock time, ms since 1970: it must outlive the process. */
  expiresMs: number;
}

export interface LeaseStore {
  get(key: ProfileKey): Lease | undefined;
  put(key: ProfileKey, lease: Lease): void;
  remove(key: ProfileKey): void;
}

export function createLeaseStore(db: SqliteDatabase): LeaseStore {
  const where = 'tier = ? AND hardware_class = ? AND model_digest = ?';
  const select = db.prepare<[string, string, string], { holder: string; expires_ms: number }>(
    `SELECT holder, expires_ms FROM profile_leases WHERE ${where}`,
  );
  const upsert = db.prepare<[string, string, string, string, number]>(
    `INSERT INTO profile_leases (tier, hardware_class, model_digest, holder, expires_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (tier, hardware_class, model_digest)
     DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms`,
  );
  const remove = db.prepare<[string, string, string]>(`DELETE FROM profile_leases WHERE ${where}`);
  return {
    get({ tier, hardwareClass, modelDigest }) {
      const row = select.get(tier, hardwareClass, modelDigest);
      return row === undefined ? undefined : { holder: row.holder, expiresMs: row.expires_ms };
    },
    put: ({ tier, hardwareClass, modelDigest }, { holder, expiresMs }) =>
      void upsert.run(tier, hardwareClass, modelDigest, holder, expiresMs),
    remove: ({ tier, hardwareClass, modelDigest }) => void remove.run(tier, hardwareClass, modelDigest),
  };
}
