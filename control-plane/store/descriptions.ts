import type { ModelDescription } from '../../shared/model/describe-model.ts';
import { parseDescription } from '../../shared/model/description-schema.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';

/** What a run of each model file showed of its layers and cuts. */
export interface DescriptionStore {
  put(modelDigest: string, description: ModelDescription): void;
  /** @throws {FleetError} `store-damaged` */
  get(modelDigest: string): ModelDescription | undefined;
  /** Digests of stored models without an intact one. */
  missing(): string[];
}

export function createDescriptionStore(db: SqliteDatabase): DescriptionStore {
  const select = db.prepare<[string], { body: string; hash: string }>(
    'SELECT body, hash FROM descriptions WHERE model_digest = ?',
  );
  const upsert = db.prepare<[string, string, string]>(
    `INSERT INTO descriptions (model_digest, body, hash) VALUES (?, ?, ?)
     ON CONFLICT (model_digest) DO UPDATE SET body = excluded.body, hash = excluded.hash`,
  );
  const all = db.prepare<[], { digest: string; body: string | null; hash: string | null }>(
    'SELECT digest, body, descriptions.hash FROM models LEFT JOIN descriptions ON model_digest = digest ORDER BY digest',
  );
  return {
    put(modelDigest, description) {
      const body = JSON.stringify(description);
      upsert.run(modelDigest, body, contentHash(body));
    },
    get(modelDigest) {
      const row = select.get(modelDigest);
      if (row === undefined) return undefined;
      return parseDescription(requireIntact(row.body, row.hash, `the description of ${modelDigest}`));
    },
    missing: () =>
      all.all().flatMap(({ digest, body, hash }) => (body !== null && contentHash(body) === hash ? [] : [digest])),
  };
}
