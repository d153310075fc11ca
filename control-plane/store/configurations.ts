import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';

/** The version of a configuration with what it consists of, as JSON. */
export interface StoredConfiguration {
  version: number;
  issuedAt: string;
  content: string;
}

/**
 * The newest configuration of each member.
 * INVARIANT: a member's version never falls, and rises by one with each change of content.
 */
export interface ConfigurationStore {
  /** @throws {FleetError} `store-damaged` */
  get(memberId: string): StoredConfiguration | undefined;
  /** Version alone, for lists; 0 before the first. */
  versionOf(memberId: string): number;
  /** The contents of all, as they lie there: whoever reads one by `get` has its hash checked. */
  contents(): Map<string, string>;
  /** @returns whether the content is another one than before @throws {FleetError} `store-damaged` */
  put(memberId: string, content: string, at: string): boolean;
}

interface Row {
  version: number;
  issued_at: string;
  content: string;
  hash: string;
}

export function createConfigurationStore(db: SqliteDatabase): ConfigurationStore {
  const select = db.prepare<[string], Row>(
    'SELECT version, issued_at, content, hash FROM configurations WHERE member_id = ?',
  );
  const upsert = db.prepare<[string, number, string, string, string]>(
    `INSERT INTO configurations (member_id, version, issued_at, content, hash) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (member_id) DO UPDATE SET version = excluded.version, issued_at = excluded.issued_at,
       content = excluded.content, hash = excluded.hash`,
  );
  const all = db.prepare<[], { member_id: string; content: string }>('SELECT member_id, content FROM configurations');
  function get(memberId: string): StoredConfiguration | undefined {
    const row = select.get(memberId);
    if (row === undefined) return undefined;
    const { version, issued_at: issuedAt, content } = row;
    requireIntact(hashed(version, issuedAt, content), row.hash, `the configuration of "${memberId}"`);
    return { version, issuedAt, content };
  }
  return {
    get,
    versionOf: (memberId) => select.get(memberId)?.version ?? 0,
    contents: () => new Map(all.all().map((row) => [row.member_id, row.content])),
    put(memberId, content, at) {
      const before = get(memberId);
      if (before?.content === content) return false;
      const version = (before?.version ?? 0) + 1;
      upsert.run(memberId, version, at, content, contentHash(hashed(version, at, content)));
      return true;
    },
  };
}

function hashed(version: number, issuedAt: string, content: string): string {
  return `${version}\n${issuedAt}\n${content}`;
}
