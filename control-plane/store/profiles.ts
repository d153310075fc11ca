import { type Profile, profileParser } from '../../shared/protocol/profile.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';
import type { MemberRole } from './member-records.ts';

/** What one profile is measured for. */
export interface ProfileKey {
  tier: MemberRole;
  hardwareClass: string;
  modelDigest: string;
}

export interface ProfileEntry extends ProfileKey {
  /** SHA-256 of the stored text, in hexadecimal. */
  hash: string;
  measuredBy: string;
  storedAt: string;
}

/** Measured latencies, one a tier, hardware class and model. */
export interface ProfileStore {
  put(profile: Profile, measuredBy: string, at: string): ProfileEntry;
  /** @throws {FleetError} `store-damaged` */
  get(key: ProfileKey): { profile: Profile; hash: string } | undefined;
  list(): ProfileEntry[];
}

interface Row {
  tier: MemberRole;
  hardware_class: string;
  model_digest: string;
  hash: string;
  measured_by: string;
  stored_at: string;
}

export function createProfileStore(db: SqliteDatabase): ProfileStore {
  const select = db.prepare<[string, string, string], { body: string; hash: string }>(
    'SELECT body, hash FROM profiles WHERE tier = ? AND hardware_class = ? AND model_digest = ?',
  );
  const all = db.prepare<[], Row>(
    `SELECT tier, hardware_class, model_digest, hash, measured_by, stored_at FROM profiles
     ORDER BY tier, hardware_class, model_digest`,
  );
  const upsert = db.prepare<[string, string, string, string, string, string, string]>(
    `INSERT INTO profiles (tier, hardware_class, model_digest, body, hash, measured_by, stored_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (tier, hardware_class, model_digest) DO UPDATE SET body = excluded.body, hash = excluded.hash,
       measured_by = excluded.measured_by, stored_at = excluded.stored_at`,
  );
  return {
    put(profile, measuredBy, at) {
      const { tier, hardwareClass, modelDigest } = profile;
      const body = JSON.stringify(profile);
      const hash = contentHash(body);
      upsert.run(tier, hardwareClass, modelDigest, body, hash, measuredBy, at);
      return { tier, hardwareClass, modelDigest, hash, measuredBy, storedAt: at };
    },
    get({ tier, hardwareClass, modelDigest }) {
      const row = select.get(tier, hardwareClass, modelDigest);
      if (row === undefined) return undefined;
      const body = requireIntact(row.body, row.hash, `the ${tier} profile of "${hardwareClass}" for ${modelDigest}`);
      return { profile: profileParser.parseJson(body), hash: row.hash };
    },
    list: () =>
      all.all().map((row) => ({
        tier: row.tier,
        hardwareClass: row.hardware_class,
        modelDigest: row.model_digest,
        hash: row.hash,
        measuredBy: row.measured_by,
        storedAt: row.stored_at,
      })),
  };
}
