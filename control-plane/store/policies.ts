import { type Policy, PolicySchema } from '../../shared/protocol/messages.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { contentHash, requireIntact } from './content-hash.ts';
import type { SqliteDatabase } from './database.ts';

/** A policy with the name of the model package that it puts in force. */
export interface PolicyRecord {
  policy: Policy;
  model: string;
}

/** Policies: a version once stored is never changed; the highest is in force. */
export interface PolicyStore {
  /** @throws {FleetError} `store-damaged` */
  current(): PolicyRecord | undefined;
  /** @throws {FleetError} `not-found`, `store-damaged` */
  get(version: number): PolicyRecord;
  add(record: PolicyRecord, at: string): void;
}

interface Row {
  version: number;
  model: string;
  body: string;
  hash: string;
}

const policyParser = createParser(PolicySchema, 'store-damaged', 'stored policy');

export function createPolicyStore(db: SqliteDatabase): PolicyStore {
  const newest = db.prepare<[], Row>('SELECT version, model, body, hash FROM policies ORDER BY version DESC LIMIT 1');
  const one = db.prepare<[number], Row>('SELECT version, model, body, hash FROM policies WHERE version = ?');
  const insert = db.prepare<[number, string, string, string, string]>(
    'INSERT INTO policies (version, model, body, hash, created_at) VALUES (?, ?, ?, ?, ?)',
  );
  return {
    current() {
      const row = newest.get();
      return row === undefined ? undefined : toRecord(row);
    },
    get(version) {
      const row = one.get(version);
      if (row === undefined) throw new FleetError('not-found', `no policy has version ${version}`);
      return toRecord(row);
    },
    add({ policy, model }, at) {
      const body = JSON.stringify(policy);
      insert.run(policy.version, model, body, contentHash(`${model}\n${body}`), at);
    },
  };
}

function toRecord({ version, model, body, hash }: Row): PolicyRecord {
  requireIntact(`${model}\n${body}`, hash, `policy version ${version}`);
  return { policy: policyParser.parseJson(body), model };
}
