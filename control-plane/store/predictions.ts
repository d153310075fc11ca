import { type LatencyTable, LatencyTableSchema } from '../../shared/protocol/profile.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';
import type { MemberRole } from './member-records.ts';
import type { ProfileKey } from './profiles.ts';

export interface StoredPrediction extends ProfileKey {
  table: LatencyTable;
  /** SHA-256 of the stored text, in hexadecimal. */
  hash: string;
  storedAt: string;
}

/** Predicted latency tables, one a tier, hardware class and model that has no measured profile. */
export interface PredictionStore {
  /** An equal one that is stored already is left as it is. @returns its hash */
  put(key: ProfileKey, table: LatencyTable, at: string): string;
  /** @throws {FleetError} `store-damaged` */
  get(key: ProfileKey): StoredPrediction | undefined;
  /** By tier, class and model. @throws {FleetError} `store-damaged` */
  list(): StoredPrediction[];
  /** Deletes all others. */
  keepOnly(keys: Iterable<ProfileKey>): void;
}

interface Row {
  tier: MemberRole;
  hardware_class: string;
  model_digest: string;
  body: string;
  hash: string;
  stored_at: string;
}

const tableParser = createParser(LatencyTableSchema, 'store-damaged', 'stored prediction');

export function createPredictionStore(db: SqliteDatabase): PredictionStore {
  const where = 'tier = ? AND hardware_class = ? AND model_digest = ?';
  const select = db.prepare<[string, string, string], Row>(`SELECT * FROM predictions WHERE ${where}`);
  const all = db.prepare<[], Row>('SELECT * FROM predictions ORDER BY tier, hardware_class, model_digest');
  const upsert = db.prepare<[string, string, string, string, string, string]>(
    `INSERT INTO predictions (tier, hardware_class, model_digest, body, hash, stored_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (tier, hardware_class, model_digest) DO UPDATE SET body = excluded.body, hash = excluded.hash,
       stored_at = excluded.stored_at WHERE body <> excluded.body OR hash <> excluded.hash`,
  );
  const prune = db.prepare<[string]>(
    `DELETE FROM predictions WHERE NOT EXISTS (SELECT 1 FROM json_each(?) AS kept
       WHERE kept.value ->> 0 = tier AND kept.value ->> 1 = hardware_class AND kept.value ->> 2 = model_digest)`,
  );
  return {
    put({ tier, hardwareClass, modelDigest }, table, at) {
      const body = JSON.stringify(table);
      const hash = contentHash(body);
      upsert.run(tier, hardwareClass, modelDigest, body, hash, at);
      return hash;
    },
    get({ tier, hardwareClass, modelDigest }) {
      const row = select.get(tier, hardwareClass, modelDigest);
      return row === undefined ? undefined : toPrediction(row);
    },
    list: () => all.all().map(toPrediction),
    keepOnly(keys) {
      const kept = Array.from(keys, ({ tier, hardwareClass, modelDigest }) => [tier, hardwareClass, modelDigest]);
      prune.run(JSON.stringify(kept));
    },
  };
}

function toPrediction(row: Row): StoredPrediction {
  const { tier, hardware_class: hardwareClass, model_digest: modelDigest, hash, stored_at: storedAt } = row;
  const body = requireIntact(row.body, hash, `the ${tier} prediction of "${hardwareClass}" for ${modelDigest}`);
  return { tier, hardwareClass, modelDigest, table: tableParser.parseJson(body), hash, storedAt };
}
