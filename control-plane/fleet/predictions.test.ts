import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { DeviceConfiguration } from '../../shared/protocol/messages.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { deepProfile, online, profile } from '../testing/messages.ts';
import { writePackage } from '../testing/model-package.ts';
import { changePolicy, configurationOf, putProfile } from '../testing/operate.ts';
import { startControlPlane, type TestedControlPlane, temporaryFolder } from '../testing/start-control-plane.ts';

interface Planned extends TestedControlPlane {
  /** Of the package `deep`: three layers, which nobody has measured. */
  deep: string;
}

/** A device and a worker, both measured with the package `tiny` of one layer that takes 1 and 9 ms. */
async function startFleet(op?: string): Promise<Planned> {
  const folder = await temporaryFolder();
  const deep = await writePackage(join(folder, 'packages'), 'deep', 3, op);
  const plane = await startControlPlane({ folder });
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  await plane.deliver(deviceTopic('pi-1', 'presence'), online());
  await putProfile(plane, 'w1', profile('worker', 'pc', plane.digest, 9));
  await putProfile(plane, 'pi-1', profile('device', 'pi4', plane.digest, 1));
  return { ...plane, deep };
}

test('a model that was never measured on a class is planned for by what another one took there', async () => {
  const plane = await startFleet();
  const before = await configurationOf(plane, 'pi-1');
  expect(before).toMatchObject({ deviceProfile: { hardwareClass: 'pi4' }, profileRequested: false });
  expect(before.deviceProfile).not.toHaveProperty('source');

  await changePolicy(plane, { model: 'deep', configurator: 'dynamic' });
  const predicted = await configurationOf(plane, 'pi-1');
  expect(predicted).toMatchObject({
    version: before.version + 1,
    model: { digest: plane.deep },
    profileRequested: true,
    deviceProfile: { hardwareClass: 'pi4', source: 'predicted', extrapolated: false, fit: { observations: 1 } },
    worker: { profile: { hardwareClass: 'pc', source: 'predicted', extrapolated: false } },
  });
  // One measured layer of 1 ms tells a call from a layer only so far: three layers take 1 to 3 ms.
  const whole = predicted.deviceProfile?.exits[0]?.head.at(-1)?.medianMs ?? 0;
  expect(whole).toBeGreaterThan(1);
  expect(whole).toBeLessThanOrEqual(3);
  expect(predicted.map?.entries.length).toBeGreaterThan(1);
  expect(await plane.getJson('/workers/w1/configuration')).toMatchObject({ profilesRequested: [plane.deep] });
});

test('what is measured replaces what was predicted, of each side by itself', async () => {
  const plane = await startFleet();
  await changePolicy(plane, { model: 'deep', configurator: 'dynamic' });
  const predicted = await configurationOf(plane, 'pi-1');
  const sources = async () => {
    const { items } = (await plane.getJson('/profiles')) as { items: { modelDigest: string }[] };
    return items.filter(({ modelDigest }) => modelDigest === plane.deep);
  };
  expect(await sources()).toMatchObject([
    { tier: 'device', source: 'predicted', measuredBy: null, extrapolated: false, fit: { observations: 1 } },
    { tier: 'worker', source: 'predicted', measuredBy: null },
  ]);

  await putProfile(plane, 'pi-1', deepProfile('device', 'pi4', plane.deep, 2));
  const halfMeasured = await configurationOf(plane, 'pi-1');
  expect(halfMeasured).toMatchObject({ version: predicted.version + 1, profileRequested: false });
  expect(halfMeasured.deviceProfile).not.toHaveProperty('source');
  expect(halfMeasured.deviceProfile?.exits[0]?.head.at(-1)).toEqual({ medianMs: 6, p90Ms: 6 });
  expect(halfMeasured.worker?.profile).toEqual(predicted.worker?.profile);
  expect(halfMeasured.map?.revision).not.toBe(predicted.map?.revision);
  expect(await sources()).toMatchObject([
    { tier: 'device', source: 'measured', measuredBy: 'pi-1' },
    { tier: 'worker', source: 'predicted' },
  ]);
  await putProfile(plane, 'w1', deepProfile('worker', 'pc', plane.deep, 1));
  expect(await sources()).toMatchObject([{ source: 'measured' }, { source: 'measured' }]);
});

test('a better basis makes a better prediction', async () => {
  const plane = await startFleet();
  await changePolicy(plane, { model: 'deep' });
  const first = await configurationOf(plane, 'pi-1');
  await putProfile(plane, 'pi-1', profile('device', 'pi4', plane.digest, 4));
  const second = await configurationOf(plane, 'pi-1');
  expect(second.version).toBe(first.version + 1);
  const wholeOf = ({ deviceProfile }: DeviceConfiguration) => deviceProfile?.exits[0]?.head.at(-1)?.medianMs ?? 0;
  expect(wholeOf(second)).toBeCloseTo(4 * wholeOf(first), 6);
});

test('nothing is predicted from layers of another type, nor for a class that has measured nothing', async () => {
  const plane = await startFleet('Softmax');
  await plane.register('device', { id: 'new', hardwareClass: 'pi5' });
  await changePolicy(plane, { model: 'deep' });
  expect(await configurationOf(plane, 'pi-1')).toMatchObject({
    profileRequested: true,
    deviceProfile: null,
    worker: { profile: null },
  });
  expect(await plane.getJson('/devices/new/configuration')).toMatchObject({ deviceProfile: null });
});

test('a restart keeps predictions and versions; a damaged one is mended, a damaged basis is left out', async () => {
  const first = await startFleet();
  await changePolicy(first, { model: 'deep' });
  const before = await configurationOf(first, 'pi-1');
  await first.close();
  const path = join(first.folder, 'data', 'fleet.sqlite');
  const damage = (sql: string): void => {
    const db = new Database(path);
    db.exec(sql);
    db.close();
  };
  damage(`UPDATE predictions SET body = replace(body, 'predicted', 'measured')`);
  damage(`UPDATE descriptions SET body = replace(body, 'relu', 'lrn')`);
  const second = await startControlPlane({ folder: first.folder });
  expect(await configurationOf(second, 'pi-1')).toEqual(before);
  await second.close();

  damage(`UPDATE profiles SET body = replace(body, '"medianMs":1', '"medianMs":2') WHERE tier = 'device'`);
  const third = await startControlPlane({ folder: first.folder });
  const after = await configurationOf(third, 'pi-1');
  expect(after).toMatchObject({ deviceProfile: null, worker: { profile: { source: 'predicted' } } });
});

test('a package that cannot be run is imported, and nothing is predicted for it', async () => {
  const folder = await temporaryFolder();
  const digest = await writePackage(join(folder, 'packages'), 'loose', 2, 'Tile');
  const plane = await startControlPlane({ folder });
  expect(plane.store.models.get(digest)).toMatchObject({ name: 'loose' });
  expect(plane.store.descriptions.get(digest)).toBeUndefined();
  expect(plane.store.descriptions.get(plane.digest)?.branches[0]?.layers).toHaveLength(1);
});
