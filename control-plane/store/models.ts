import type { ModelReference } from '../../shared/protocol/messages.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';

/** A model package that was imported. */
export interface ModelRecord extends ModelReference {
  /** Size of the ONNX file. */
  bytes: number;
  importedAt: string;
}

/** The model packages; their files lie in the model folder. */
export interface ModelStore {
  /** Stores a package, or renews its manifest; from then on it is the one in force of its name. */
  put(model: ModelReference & { bytes: number; manifest: string }, at: string): void;
  get(digest: string): ModelRecord | undefined;
  /** The package of this name that was imported last. */
  newest(name: string): ModelRecord | undefined;
  list(page: { after: string | undefined; limit: number }): ModelRecord[];
  /** JSON text. @throws {FleetError} `store-damaged` */
  manifest(digest: string): string | undefined;
  /** `sha256:` of that text. */
  manifestDigest(digest: string): string | undefined;
}

interface Row {
  digest: string;
  name: string;
  version: string;
  bytes: number;
  imported_at: string;
}

const columns = 'digest, name, version, bytes, imported_at';

export function createModelStore(db: SqliteDatabase): ModelStore {
  const one = db.prepare<[string], Row>(`SELECT ${columns} FROM models WHERE digest = ?`);
  const newest = db.prepare<[string], Row>(
    `SELECT ${columns} FROM models WHERE name = ? ORDER BY import_order DESC LIMIT 1`,
  );
  const page = db.prepare<[string, number], Row>(
    `SELECT ${columns} FROM models WHERE digest > ? ORDER BY digest LIMIT ?`,
  );
  const manifest = db.prepare<[string], { manifest: string; hash: string }>(
    'SELECT manifest, hash FROM models WHERE digest = ?',
  );
  const upsert = db.prepare<[string, string, string, number, string, string, string]>(
    `INSERT INTO models (digest, name, version, bytes, manifest, hash, imported_at, import_order)
     VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT COALESCE(MAX(import_order), 0) + 1 FROM models))
     ON CONFLICT (digest) DO UPDATE SET name = excluded.name, version = excluded.version, bytes = excluded.bytes,
       manifest = excluded.manifest, hash = excluded.hash, import_order = excluded.import_order`,
  );
  return {
    put: ({ digest, name, version, bytes, manifest: text }, at) =>
      void upsert.run(digest, name, version, bytes, text, contentHash(text), at),
    get: (digest) => toRecord(one.get(digest)),
    newest: (name) => toRecord(newest.get(name)),
    list: ({ after, limit }) => page.all(after ?? '', limit).flatMap((row) => toRecord(row) ?? []),
    manifest(digest) {
      const row = manifest.get(digest);
      return row === undefined ? undefined : requireIntact(row.manifest, row.hash, `the manifest of ${digest}`);
    },
    manifestDigest(digest) {
      const row = manifest.get(digest);
      return row && `sha256:${row.hash}`;
    },
  };
}

function toRecord(row: Row | undefined): ModelRecord | undefined {
  if (row === undefined) return undefined;
  const { imported_at: importedAt, ...rest } = row;
  return { ...rest, importedAt };
}
