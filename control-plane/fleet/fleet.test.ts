import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { digestOf, readManifest, writeManifest } from '../../shared/model/model-package.ts';
import { defaultDetectorParameters, defaultRiseMargin } from '../../shared/protocol/detector-settings.ts';
import type { DeviceConfiguration, WorkerConfiguration } from '../../shared/protocol/messages.ts';
import { deviceConfigurationParser, workerConfigurationParser } from '../../shared/protocol/messages.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { offline, online, profile, samples, summary, telemetryOf } from '../testing/messages.ts';
import { writePackage } from '../testing/model-package.ts';
import { changePolicy } from '../testing/operate.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

async function deviceConfiguration(plane: TestedControlPlane, id: string): Promise<DeviceConfiguration> {
  return deviceConfigurationParser.parse(await plane.getJson(`/devices/${id}/configuration`));
}
async function workerConfiguration(plane: TestedControlPlane, id: string): Promise<WorkerConfiguration> {
  return workerConfigurationParser.parse(await plane.getJson(`/workers/${id}/configuration`));
}
function putProfile(plane: TestedControlPlane, role: 'device' | 'worker', id: string, hardwareClass: string) {
  const payload = profile(role, hardwareClass, plane.digest);
  return plane.http.inject({ method: 'PUT', url: '/api/v1/profiles', headers: plane.bearer(role, id), payload });
}
test('a device that registers has a configuration at once, with the default policy and no worker', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  expect(await deviceConfiguration(plane, 'pi-1')).toEqual({
    schema: 1,
    version: 1,
    issuedAt: '2020-01-01T00:00:00.000Z',
    model: { name: 'tiny', version: '1.0.1', digest: plane.digest, manifestDigest: expect.stringMatching(/^sha256:/) },
    policy: {
      name: 'default',
      version: 1,
      deadlineMs: 200,
      minimumAccuracy: 0,
      accuracyTolerance: 0.005,
      encodings: ['f32', 'f16', 'u8'],
      directions: ['device-first'],
      marginMs: 5,
      objective: 'accuracy',
      rewardWeights: { accuracy: 1, throughput: 1 },
      configurator: 'static',
      detector: { ...defaultDetectorParameters, riseMargin: defaultRiseMargin },
      stateCount: 12,
      earlyExit: null,
    },
    worker: null,
    deviceProfile: null,
    map: null,
    profileRequested: false,
  });
});

test('when a worker dies its devices move to another, or get none; when one comes back they are placed', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc', threads: 1 });
  await plane.register('worker', { id: 'w2', hardwareClass: 'pc', threads: 1 });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  expect((await deviceConfiguration(plane, 'pi-1')).worker).toEqual({ id: 'w1', profile: null });

  await plane.deliver(workerTopic('w2', 'presence'), online());
  expect((await deviceConfiguration(plane, 'pi-1')).worker?.id).toBe('w1');
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  expect((await deviceConfiguration(plane, 'pi-1')).worker?.id).toBe('w2');
  const before = (await deviceConfiguration(plane, 'pi-1')).version;
  await plane.deliver(workerTopic('w2', 'presence'), offline());
  expect(await deviceConfiguration(plane, 'pi-1')).toMatchObject({ worker: null, version: before + 1 });
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  expect(await deviceConfiguration(plane, 'pi-1')).toMatchObject({ worker: { id: 'w1' }, version: before + 2 });
});

test('a device that goes offline keeps its placement', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  await plane.deliver(deviceTopic('pi-1', 'presence'), online());
  await plane.deliver(deviceTopic('pi-1', 'presence'), offline());
  expect((await deviceConfiguration(plane, 'pi-1')).worker?.id).toBe('w1');
});

test('the will of a process that was replaced does not make its successor offline', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.deliver(workerTopic('w1', 'presence'), online(7));
  await plane.deliver(workerTopic('w1', 'presence'), online(8));
  await plane.deliver(workerTopic('w1', 'presence'), offline(7));
  expect(await plane.getJson('/workers/w1')).toMatchObject({ presence: { online: true, boot: 8 } });
  await plane.deliver(workerTopic('w1', 'presence'), offline(7), true);
  expect(await plane.getJson('/workers/w1')).toMatchObject({ presence: { online: false, boot: 7 } });
});

test('exactly one online device of a class is asked for the profile, and the next after the lease', async () => {
  const clock = createFakeClock();
  const plane = await startControlPlane({ clock, config: { profileLeaseMs: 60_000 } });
  const asked = async (): Promise<string[]> => {
    const ids = ['pi-1', 'pi-2', 'pi-3', 'other'];
    const all = await Promise.all(ids.map((id) => deviceConfiguration(plane, id)));
    return ids.filter((_, index) => all[index]?.profileRequested);
  };
  for (const id of ['pi-1', 'pi-2', 'pi-3']) await plane.register('device', { id, hardwareClass: 'pi4' });
  await plane.register('device', { id: 'other', hardwareClass: 'pi5' });
  expect(await asked()).toEqual([]);
  await plane.deliver(deviceTopic('pi-2', 'presence'), online());
  await plane.deliver(deviceTopic('pi-1', 'presence'), online());
  await plane.deliver(deviceTopic('other', 'presence'), online());
  expect(await asked()).toEqual(['pi-2', 'other']);

  clock.advance(59_999);
  expect(await asked()).toEqual(['pi-2', 'other']);
  clock.advance(1);
  expect(await asked()).toEqual(['pi-1', 'other']);
  await plane.deliver(deviceTopic('pi-1', 'presence'), offline());
  expect(await asked()).toEqual(['pi-2', 'other']);

  expect((await putProfile(plane, 'device', 'pi-2', 'pi4')).statusCode).toBe(200);
  expect(await asked()).toEqual(['other']);
  for (const id of ['pi-1', 'pi-2', 'pi-3']) {
    expect((await deviceConfiguration(plane, id)).deviceProfile?.hardwareClass).toBe('pi4');
  }
  expect((await deviceConfiguration(plane, 'other')).deviceProfile).toBeNull();
  clock.advance(600_000);
  expect(await asked()).toEqual(['other']);
});

test('one worker of a class is asked for the profile, and all devices of that class of worker get it', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('worker', { id: 'w2', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  await plane.deliver(workerTopic('w2', 'presence'), online());
  expect((await workerConfiguration(plane, 'w1')).profilesRequested).toEqual([plane.digest]);
  expect((await workerConfiguration(plane, 'w2')).profilesRequested).toEqual([]);
  expect((await workerConfiguration(plane, 'w2')).models.map(({ name }) => name)).toEqual(['tiny']);

  expect((await putProfile(plane, 'worker', 'w1', 'pc')).statusCode).toBe(200);
  expect((await workerConfiguration(plane, 'w1')).profilesRequested).toEqual([]);
  const { worker } = await deviceConfiguration(plane, 'pi-1');
  expect(worker).toEqual({ id: 'w1', profile: expect.objectContaining({ hardwareClass: 'pc' }) });
});

test('a policy change gives every device one new version; to register again gives none', async () => {
  const plane = await startControlPlane();
  for (const id of ['pi-1', 'pi-2', 'pi-3']) await plane.register('device', { id, hardwareClass: 'pi4' });
  await changePolicy(plane, { deadlineMs: 120 });
  for (const id of ['pi-1', 'pi-2', 'pi-3']) {
    expect(await deviceConfiguration(plane, id)).toMatchObject({ version: 2, policy: { version: 2, deadlineMs: 120 } });
  }
  await plane.register('device', { id: 'pi-2', hardwareClass: 'pi4' });
  expect((await deviceConfiguration(plane, 'pi-2')).version).toBe(2);
});

test('a manifest that is renewed under the same model is a new configuration, which names it by what is served', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const versionsOf = async (of: TestedControlPlane) => [
    (await deviceConfiguration(of, 'pi-1')).version,
    (await workerConfiguration(of, 'w1')).version,
  ];
  const [before, workerBefore] = await versionsOf(plane);
  await plane.close();
  const unchanged = await startControlPlane({ folder: plane.folder });
  expect(await versionsOf(unchanged)).toEqual([before, workerBefore]);
  await unchanged.close();
  const packaged = join(plane.folder, 'packages', 'tiny');
  await writeManifest(packaged, { ...(await readManifest(packaged)), labels: ['e', 'f', 'g', 'h'] });
  const again = await startControlPlane({ folder: plane.folder });
  // A worker reads nothing of the manifest.
  expect(await versionsOf(again)).toEqual([(before ?? 0) + 1, workerBefore]);
  const { model } = await deviceConfiguration(again, 'pi-1');
  const url = `/api/v1/models/${model.digest}/manifest`;
  const served = await again.http.inject({ url, headers: again.bearer('device', 'pi-1') });
  expect(served.headers['content-type']).toContain('application/json');
  expect(served.json()).toMatchObject({ labels: ['e', 'f', 'g', 'h'] });
  expect(model).toMatchObject({ digest: plane.digest, manifestDigest: digestOf(served.rawPayload) });
});

test('while a fleet changes its model, workers serve the old one to those that still run it', async () => {
  const plane = await startControlPlane();
  await plane.close();
  const other = await writePackage(join(plane.folder, 'packages'), 'other', 2);
  const again = await startControlPlane({ folder: plane.folder });
  await again.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await again.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await again.deliver(deviceTopic('pi-1', 'presence'), online());
  const reported = { schema: 1, version: 1, boot: 1, state: 'ready' };
  await again.deliver(deviceTopic('pi-1', 'reported'), { ...reported, modelDigest: again.digest });
  await changePolicy(again, { model: 'other' });
  const digests = async () => (await workerConfiguration(again, 'w1')).models.map(({ digest }) => digest);
  expect(await digests()).toEqual([other, again.digest]);
  expect((await deviceConfiguration(again, 'pi-1')).model.digest).toBe(other);
  await again.deliver(deviceTopic('pi-1', 'reported'), { ...reported, version: 2, modelDigest: other });
  expect(await digests()).toEqual([other]);
});

test('a report that comes twice counts once', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  for (const number of [1, 2, 2, 1]) {
    await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(samples(2 * number)));
    await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(summary(2 * number - 1)));
  }
  expect(await plane.getJson('/devices/pi-1/samples')).toMatchObject({ items: { length: 2 } });
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ totals: { frames: 20, met: 18, missed: 2 } });
});

test('early exits of a device are added up, those of a release that tells of none count as none', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const early = { earlyExitsAsked: 8, earlyExitsAnswered: 5 };
  for (const report of [summary(1), { ...summary(2), ...early }, { ...summary(3), ...early }]) {
    await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(report));
  }
  const totals = { frames: 30, earlyExitsAsked: 16, earlyExitsAnswered: 10 };
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ totals });
  expect(await plane.getJson('/overview')).toMatchObject({ frames: totals });
});

test('old telemetry is deleted within a minute, and totals are kept', async () => {
  const clock = createFakeClock();
  const plane = await startControlPlane({ clock, config: { telemetryRowsPerDevice: 3, telemetryDays: 1 } });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  for (let sequence = 1; sequence <= 10; sequence += 1) {
    await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(summary(sequence)));
  }
  clock.advance(60_000);
  expect(await plane.getJson('/devices/pi-1/summaries')).toMatchObject({
    items: [{ report: { sequence: 10 } }, { report: { sequence: 9 } }, { report: { sequence: 8 } }],
  });
  clock.advance(86_400_000);
  expect(await plane.getJson('/devices/pi-1/summaries')).toMatchObject({ items: [], next: null });
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ totals: { frames: 100 } });
});

test('bad messages and unknown senders are counted and change nothing', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.deliver(deviceTopic('pi-1', 'presence'), 'no JSON');
  await plane.deliver(deviceTopic('pi-1', 'presence'), { schema: 1, online: 'yes', boot: 1 });
  await plane.deliver('edgent/v1/devices/pi-1/results', {});
  await plane.deliver('edgent/v1/devices/PI/presence', online());
  await plane.deliver(deviceTopic('pi-1', 'telemetry'), 'x'.repeat(300_000));
  await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(samples(1e300)));
  await plane.deliver(deviceTopic('stranger', 'presence'), online());
  await plane.deliver(workerTopic('pi-1', 'presence'), online());
  expect(plane.fleet.counts()).toEqual({ rejected: 6, unknownSender: 2, dropped: 0 });
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ presence: { online: false } });
});

test('a restart keeps everything, and no version steps back', async () => {
  const clock = createFakeClock();
  const first = await startControlPlane({ clock });
  await first.register('worker', { id: 'w1', hardwareClass: 'pc' });
  for (const id of ['pi-1', 'pi-2']) await first.register('device', { id, hardwareClass: 'pi4' });
  await first.deliver(workerTopic('w1', 'presence'), online());
  await first.deliver(deviceTopic('pi-2', 'presence'), online());
  await changePolicy(first, { deadlineMs: 150 });
  await first.deliver(deviceTopic('pi-2', 'telemetry'), telemetryOf(summary(1)));
  const before = [await deviceConfiguration(first, 'pi-1'), await deviceConfiguration(first, 'pi-2')];
  expect(before[1]).toMatchObject({ profileRequested: true, worker: { id: 'w1' } });
  const worker = await workerConfiguration(first, 'w1');
  const device = await first.getJson('/devices/pi-2');
  await first.close();

  const second = await startControlPlane({ folder: first.folder, clock, config: { deadlineMs: 999 } });
  expect([await deviceConfiguration(second, 'pi-1'), await deviceConfiguration(second, 'pi-2')]).toEqual(before);
  expect(await workerConfiguration(second, 'w1')).toEqual(worker);
  expect(await second.getJson('/devices/pi-2')).toEqual(device);
  await changePolicy(second, { deadlineMs: 160 });
  expect((await deviceConfiguration(second, 'pi-1')).version).toBe((before[0]?.version ?? 0) + 1);
});

test('a profile that was damaged is noticed and measured again', async () => {
  const first = await startControlPlane();
  await first.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await first.deliver(deviceTopic('pi-1', 'presence'), online());
  expect((await putProfile(first, 'device', 'pi-1', 'pi4')).statusCode).toBe(200);
  await first.close();
  const db = new Database(join(first.folder, 'data', 'fleet.sqlite'));
  db.exec(`UPDATE profiles SET body = replace(body, '"medianMs":1', '"medianMs":2')`);
  db.close();

  const second = await startControlPlane({ folder: first.folder });
  const url = `/api/v1/profiles/device/pi4/${second.digest}`;
  const response = await second.http.inject({ url, headers: second.admin });
  expect(response.statusCode).toBe(500);
  expect(response.json()).toMatchObject({ code: 'store-damaged' });
  expect(await deviceConfiguration(second, 'pi-1')).toMatchObject({ profileRequested: true, deviceProfile: null });
  expect((await putProfile(second, 'device', 'pi-1', 'pi4')).statusCode).toBe(200);
  expect((await second.http.inject({ url, headers: second.admin })).statusCode).toBe(200);
});
