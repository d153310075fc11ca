import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { checkMap } from '../../shared/planner/check-map.ts';
import { statesFileParser } from '../../shared/protocol/states-file.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { offline, online, profile } from '../testing/messages.ts';
import { changePolicy, configurationOf, putProfile } from '../testing/operate.ts';
import { startControlPlane, type TestedControlPlane, temporaryFolder } from '../testing/start-control-plane.ts';
import { createFleetMaps } from './fleet-maps.ts';

const shipped = statesFileParser.parseJson(readFileSync(repositoryFile('control-plane', 'default-states.json')));

/** Two devices of one class at a worker, a third that is three times slower, all profiles there. */
async function startFleet(options: Parameters<typeof startControlPlane>[0] = {}): Promise<TestedControlPlane> {
  const plane = await startControlPlane(options);
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.register('device', { id: 'pi-2', hardwareClass: 'pi4' });
  await plane.register('device', { id: 'slow', hardwareClass: 'pi4', processorFactor: 3 });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  await putProfile(plane, 'w1', profile('worker', 'pc', plane.digest, 9));
  await putProfile(plane, 'pi-1', profile('device', 'pi4', plane.digest, 1));
  return plane;
}

test('a dynamic policy gives each device the map of its class, for the states that are shipped', async () => {
  const plane = await startFleet();
  expect((await configurationOf(plane, 'pi-1')).map).toBeNull();
  await changePolicy(plane, { configurator: 'dynamic', deadlineMs: 50 });
  const { map, version } = await configurationOf(plane, 'pi-1');
  expect(version).toBeGreaterThan(1);
  expect(map).toMatchObject({ objective: 'accuracy', deadlineMs: 50, marginMs: 5 });
  expect(map?.entries.map(({ state }) => state)).toEqual(shipped.states);
  expect((await configurationOf(plane, 'pi-2')).map).toEqual(map);
  // What the API hands out is still what its revision was given to.
  expect(() => map !== null && checkMap(map)).not.toThrow();
  const slow = (await configurationOf(plane, 'slow')).map;
  expect(slow?.revision).not.toBe(map?.revision);
  expect(slow?.entries).toHaveLength(shipped.states.length);
  await changePolicy(plane, { configurator: 'static' });
  expect((await configurationOf(plane, 'pi-1')).map).toBeNull();
});

test('what changes a plan makes another map and one new version; what does not leaves both', async () => {
  const plane = await startFleet();
  await changePolicy(plane, { configurator: 'dynamic' });
  const first = await configurationOf(plane, 'pi-1');
  await plane.deliver(deviceTopic('pi-1', 'presence'), online());
  await plane.deliver(deviceTopic('pi-2', 'presence'), online());
  await putProfile(plane, 'pi-1', profile('device', 'pi4', plane.digest, 1));
  expect(await configurationOf(plane, 'pi-1')).toEqual(first);

  await putProfile(plane, 'pi-1', profile('device', 'pi4', plane.digest, 2));
  const measured = await configurationOf(plane, 'pi-1');
  expect(measured.version).toBe(first.version + 1);
  expect(measured.map?.revision).not.toBe(first.map?.revision);

  await changePolicy(plane, { deadlineMs: 60, stateCount: 4, objective: 'paper' });
  const strict = await configurationOf(plane, 'pi-1');
  expect(strict.version).toBe(first.version + 2);
  expect(strict.map).toMatchObject({ deadlineMs: 60, objective: 'paper', entries: { length: 4 } });
  await changePolicy(plane, { detector: { ...strict.policy.detector, confidence: 0.9 } });
  expect(await configurationOf(plane, 'pi-1')).toMatchObject({ version: first.version + 3, map: strict.map });
});

test('without a worker there is no map, and with it the same one again', async () => {
  const plane = await startFleet();
  await changePolicy(plane, { configurator: 'dynamic' });
  const { map } = await configurationOf(plane, 'pi-1');
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  expect(await configurationOf(plane, 'pi-1')).toMatchObject({ worker: null, map: null });
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  expect((await configurationOf(plane, 'pi-1')).map).toEqual(map);
});

test('a profile of an earlier release, which does not say what its cuts hold, has a map all the same', async () => {
  const plane = await startFleet();
  const whole = profile('device', 'pi4', plane.digest, 1);
  await changePolicy(plane, { configurator: 'dynamic' });
  const { map } = await configurationOf(plane, 'pi-1');
  await putProfile(plane, 'pi-1', { ...whole, exits: whole.exits.map(({ cuts: _, ...exit }) => exit) });
  expect(await configurationOf(plane, 'pi-1')).toMatchObject({ profileRequested: false, map });
});

test('a policy that leaves no plan gives configurations without a map', async () => {
  const plane = await startFleet();
  await changePolicy(plane, { configurator: 'dynamic', minimumAccuracy: 0.9 });
  expect(await configurationOf(plane, 'pi-1')).toMatchObject({ policy: { minimumAccuracy: 0.9 }, map: null });
});

test('a restart keeps maps and versions, and mends a map that was damaged', async () => {
  const first = await startFleet();
  await changePolicy(first, { configurator: 'dynamic' });
  const before = await configurationOf(first, 'pi-1');
  await first.close();
  const db = new Database(join(first.folder, 'data', 'fleet.sqlite'));
  expect(db.prepare('SELECT count(*) AS maps FROM maps').get()).toEqual({ maps: 2 });
  db.exec(`UPDATE maps SET body = replace(body, '"feasible":true', '"feasible":false')`);
  db.close();
  const second = await startControlPlane({ folder: first.folder });
  expect(await configurationOf(second, 'pi-1')).toEqual(before);
});

test('the operator’s own states replace those that are shipped; a file that holds none is refused', async () => {
  const folder = await temporaryFolder();
  const statesFile = join(folder, 'states.json');
  writeFileSync(statesFile, JSON.stringify({ ...shipped, states: [{ mbps: 0.5, fromMbps: 0 }] }));
  const plane = await startFleet({ folder, config: { statesFile } });
  await changePolicy(plane, { configurator: 'dynamic' });
  expect((await configurationOf(plane, 'pi-1')).map).toMatchObject({ entries: [{ state: { mbps: 0.5 } }] });

  writeFileSync(statesFile, JSON.stringify({ ...shipped, states: [{ mbps: 0.5, fromMbps: 1 }] }));
  const config = { statesFile };
  await expect(startControlPlane({ config })).rejects.toMatchObject({ code: 'bandwidth-states-invalid' });
  await expect(startControlPlane({ config: { statesFile: `${statesFile}.none` } })).rejects.toMatchObject({
    code: 'config-invalid',
  });
});

test('a map is built once, also when it is asked for again and by several devices', async () => {
  const plane = await startFleet();
  const { policy } = plane.store.policies.current() ?? { policy: undefined };
  const key = (tier: 'device' | 'worker', hardwareClass: string) => ({
    tier,
    hardwareClass,
    modelDigest: plane.digest,
  });
  const need = {
    deviceClass: 'pi4',
    deviceTable: plane.store.profiles.get(key('device', 'pi4'))?.hash ?? '',
    processorFactor: 1,
    workerClass: 'pc',
    workerTable: plane.store.profiles.get(key('worker', 'pc'))?.hash ?? '',
  };
  const maps = createFleetMaps({ store: plane.store, defaultStates: shipped.states, log: createLog('test', 'silent') });
  const ask = (ids: readonly string[]) =>
    policy && maps.provide(new Map(ids.map((id) => [id, need])), { policy, modelDigest: plane.digest });
  const revision = ask(['pi-1'])?.get('pi-1');
  expect(plane.store.maps.get(revision ?? '')?.entries).toHaveLength(shipped.states.length);
  const db = new Database(join(plane.folder, 'data', 'fleet.sqlite'));
  db.exec('DELETE FROM profiles');
  db.close();
  expect([...(ask(['pi-1', 'pi-2', 'pi-3'])?.values() ?? [])]).toEqual([revision, revision, revision]);
  expect(ask([])?.size).toBe(0);
  expect(plane.store.maps.get(revision ?? '')).toBeUndefined();
});
