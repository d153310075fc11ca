import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { defaultDetectorParameters, defaultRiseMargin } from '../../shared/protocol/detector-settings.ts';
import { samples, summary } from '../testing/messages.ts';
import { temporaryFolder } from '../testing/start-control-plane.ts';
import { contentHash } from './content-hash.ts';
import { openDatabase } from './database.ts';
import { migrations } from './migrations.ts';
import { openStore, type Store } from './store.ts';

const at = '2020-01-01T00:00:00.000Z';

async function openTestStore(): Promise<{ store: Store; path: string }> {
  const folder = await temporaryFolder();
  const store = openStore(folder);
  onTestFinished(() => {
    store.close();
  });
  return { store, path: join(folder, 'fleet.sqlite') };
}

/** Changes the file behind the store's back. */
function damage(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

test('what the database answered survives a power cut', async () => {
  const db = openDatabase(join(await temporaryFolder(), 'fleet.sqlite'));
  const pragma = (name: string): unknown => db.pragma(name, { simple: true });
  expect([pragma('journal_mode'), pragma('synchronous')]).toEqual(['wal', 2]);
  expect([pragma('trusted_schema'), pragma('cell_size_check'), pragma('foreign_keys')]).toEqual([0, 1, 1]);
  expect(pragma('user_version')).toBe(migrations.length);
  db.close();
});

test('a database of the first release keeps what it holds and gets the tables that came later', async () => {
  const path = join(await temporaryFolder(), 'fleet.sqlite');
  const first = new Database(path);
  first.exec(`${migrations[0]}; INSERT INTO settings VALUES ('a', 'b'); PRAGMA user_version = 1`);
  first.close();
  const db = openDatabase(path);
  expect(db.prepare('SELECT value FROM settings').all()).toEqual([{ value: 'b' }]);
  expect(db.prepare('SELECT revision FROM maps').all()).toEqual([]);
  db.close();
});

test('a database of a later release is refused and left alone', async () => {
  const path = join(await temporaryFolder(), 'fleet.sqlite');
  openDatabase(path).close();
  damage(path, 'PRAGMA user_version = 99');
  expect(() => openDatabase(path)).toThrow(expect.objectContaining({ code: 'store-damaged' }));
});

test('the version of a configuration rises by one with each change of content, and with nothing else', async () => {
  const { store } = await openTestStore();
  store.members.register('device', { id: 'pi-1', hardwareClass: 'pi4' }, at);
  expect(store.configurations.versionOf('pi-1')).toBe(0);
  const changed = ['a', 'a', 'b', 'a'].map((content) => store.configurations.put('pi-1', content, at));
  expect(changed).toEqual([true, false, true, true]);
  expect(store.configurations.get('pi-1')).toEqual({ version: 3, issuedAt: at, content: 'a' });
});

test.each([
  ['content', `UPDATE configurations SET content = 'b'`],
  ['version', 'UPDATE configurations SET version = 1'],
])('a configuration whose %s was damaged is noticed', async (_what, sql) => {
  const { store, path } = await openTestStore();
  store.members.register('device', { id: 'pi-1', hardwareClass: 'pi4' }, at);
  store.configurations.put('pi-1', 'first', at);
  store.configurations.put('pi-1', 'a', at);
  damage(path, sql);
  const damaged = expect.objectContaining({ code: 'store-damaged' });
  expect(() => store.configurations.get('pi-1')).toThrow(damaged);
  expect(() => store.configurations.put('pi-1', 'c', at)).toThrow(damaged);
});

test('a manifest that was damaged is noticed', async () => {
  const { store, path } = await openTestStore();
  store.models.put({ digest: 'sha256:1', name: 'm', version: '1', bytes: 1, manifest: '{}' }, at);
  damage(path, `UPDATE models SET manifest = '{ }'`);
  expect(() => store.models.manifest('sha256:1')).toThrow(expect.objectContaining({ code: 'store-damaged' }));
});

test('a policy that was stored before it had an objective is read with the defaults', async () => {
  const { store, path } = await openTestStore();
  const old = {
    name: 'default',
    version: 1,
    deadlineMs: 100,
    minimumAccuracy: 0,
    accuracyTolerance: 0.005,
    encodings: ['u8'],
    directions: ['device-first'],
    marginMs: 5,
  };
  const body = JSON.stringify(old);
  damage(path, `INSERT INTO policies VALUES (1, 'm', '${body}', '${contentHash(`m\n${body}`)}', '${at}')`);
  const policy = {
    ...old,
    objective: 'accuracy',
    rewardWeights: { accuracy: 1, throughput: 1 },
    configurator: 'static',
    detector: { ...defaultDetectorParameters, riseMargin: defaultRiseMargin },
    stateCount: 12,
    earlyExit: null,
  };
  expect(store.policies.current()).toEqual({ model: 'm', policy });
});

test('the newest import of a name is the one in force', async () => {
  const { store } = await openTestStore();
  const put = (digest: string): void =>
    store.models.put({ digest, name: 'm', version: '1', bytes: 1, manifest: '{}' }, at);
  for (const digest of ['sha256:1', 'sha256:2', 'sha256:1']) put(digest);
  expect(store.models.newest('m')?.digest).toBe('sha256:1');
  expect(store.models.newest('other')).toBeUndefined();
});

test('an id belongs to one role', async () => {
  const { store } = await openTestStore();
  expect(store.members.register('device', { id: 'a', hardwareClass: 'pi4' }, at)).toBe(true);
  expect(store.members.register('device', { id: 'a', hardwareClass: 'pi5' }, at)).toBe(false);
  expect(() => store.members.register('worker', { id: 'a', hardwareClass: 'pc' }, at)).toThrow(
    expect.objectContaining({ code: 'conflict' }),
  );
  expect(store.members.device('a')?.hardwareClass).toBe('pi5');
  expect(store.members.worker('a')).toBeUndefined();
});

test('each device keeps its newest reports', async () => {
  const { store } = await openTestStore();
  for (const id of ['a', 'b']) {
    store.members.register('device', { id, hardwareClass: 'pi4' }, at);
    for (let sequence = 0; sequence < 5; sequence += 1) store.samples.add(id, samples(sequence), at);
  }
  store.samples.prune({ deviceIds: ['a'], keep: 2, olderThan: at });
  const kept = (id: string): number => store.samples.page(id, { before: undefined, limit: 10 }).length;
  expect([kept('a'), kept('b')]).toEqual([2, 5]);
  store.samples.prune({ deviceIds: [], keep: 2, olderThan: '2020-01-02' });
  expect([kept('a'), kept('b')]).toEqual([0, 0]);
});

test('a step that fails within a transaction undoes itself alone', async () => {
  const { store } = await openTestStore();
  store.members.register('device', { id: 'a', hardwareClass: 'pi4' }, at);
  store.transaction(() => {
    store.summaries.add('a', summary(1), at);
    expect(() =>
      store.transaction(() => {
        store.summaries.add('a', summary(2), at);
        throw new Error('refused');
      }),
    ).toThrow('refused');
  });
  expect(store.summaries.page('a', { before: undefined, limit: 10 })).toHaveLength(1);
});
