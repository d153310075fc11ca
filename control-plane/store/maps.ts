import { type ConfigurationMap, configurationMapParser } from '../../shared/protocol/configuration-map.ts';
import { mapRevision } from '../../shared/protocol/map-revision.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { SqliteDatabase } from './database.ts';

/** Configuration maps that devices are to run by, each once, named by the digest of its content. */
export interface MapStore {
  /** Stores a map; a damaged row of this revision is mended. */
  put(map: ConfigurationMap): void;
  /** @throws {FleetError} `store-damaged` */
  get(revision: string): ConfigurationMap | undefined;
  /** Deletes all others. */
  keepOnly(revisions: Iterable<string>): void;
}

export function createMapStore(db: SqliteDatabase): MapStore {
  const select = db.prepare<[string], { body: string }>('SELECT body FROM maps WHERE revision = ?');
  const upsert = db.prepare<[string, string]>(
    `INSERT INTO maps (revision, body) VALUES (?, ?)
     ON CONFLICT (revision) DO UPDATE SET body = excluded.body WHERE body <> excluded.body`,
  );
  const prune = db.prepare<[string]>('DELETE FROM maps WHERE revision NOT IN (SELECT value FROM json_each(?))');
  return {
    put: ({ revision, ...content }) => void upsert.run(revision, JSON.stringify(content)),
    get(revision) {
      const body = select.get(revision)?.body;
      if (body === undefined) return undefined;
      if (mapRevision(body) !== revision) throw new FleetError('store-damaged', `map ${revision} does not match it`);
      return configurationMapParser.parse({ ...JSON.parse(body), revision });
    },
    keepOnly: (revisions) => void prune.run(JSON.stringify([...revisions])),
  };
}
