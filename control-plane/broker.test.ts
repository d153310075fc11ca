import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { createMqttConnection, type MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { type DeviceConfiguration, deviceConfigurationParser } from '../shared/protocol/messages.ts';
import { type TelemetryAcknowledgement, telemetryAcknowledgementParser } from '../shared/protocol/telemetry.ts';
import { deviceTopic, workerTopic } from '../shared/protocol/topics.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import type { ControlPlaneConfig } from './config.ts';
import { ensureKeys } from './keys.ts';
import { deepProfile, offline, online, profile, summary, telemetryOf } from './testing/messages.ts';
import { writePackage } from './testing/model-package.ts';
import { startControlPlane, type TestedControlPlane, temporaryFolder } from './testing/start-control-plane.ts';
import { type StartedProcess, startProcess } from './testing/start-process.ts';

const log = createLog('test', 'silent');

function startBroker(folder: string, mqttPort = 0): Promise<StartedProcess> {
  const { publicKeyFile } = ensureKeys(`${folder}/data`);
  return startProcess('broker', { mqttPort, publicKeyFile, logLevel: 'silent' });
}

/** A control plane and a broker, each of which found the other. */
async function startPlatform(
  where?: string,
  settings: Partial<ControlPlaneConfig> = {},
): Promise<{ plane: TestedControlPlane; broker: StartedProcess; brokerUrl: string }> {
  const folder = where ?? (await temporaryFolder());
  const broker = await startBroker(folder);
  const brokerUrl = broker.addresses.mqtt ?? '';
  const plane = await startControlPlane({ folder, clock: systemClock, config: { brokerUrl, ...settings } });
  return { plane, broker, brokerUrl };
}

function connect(url: string, id: string, token: string, will?: { topic: string; payload: string }): MqttConnection {
  const connection = createMqttConnection({ url, id, token, log, ...(will === undefined ? {} : { will }) });
  onTestFinished(() => connection.close());
  return connection;
}

/** What a device is told, as it comes; `until` resolves with the first that fits, past or to come. */
function watchDesired(connection: MqttConnection, id: string) {
  const seen: DeviceConfiguration[] = [];
  let look = (): void => {};
  connection.subscribe(deviceTopic(id, 'desired'), (_topic, payload) => {
    seen.push(deviceConfigurationParser.parseJson(payload));
    look();
  });
  return {
    seen,
    until: (fits: (configuration: DeviceConfiguration) => boolean) =>
      new Promise<DeviceConfiguration>((resolve) => {
        look = () => {
          const found = seen.find(fits);
          if (found !== undefined) resolve(found);
        };
        look();
      }),
  };
}

test('a policy change reaches a subscribed device, and one that subscribes later', async () => {
  const { plane, brokerUrl } = await startPlatform();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const device = watchDesired(connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1')), 'pi-1');
  const first = await device.until(() => true);
  const headers = { ...plane.admin, 'if-match': '"1"' };
  await plane.http.inject({ method: 'PUT', url: '/api/v1/policy', headers, payload: { deadlineMs: 90 } });
  const second = await device.until(({ policy }) => policy.deadlineMs === 90);
  expect(second.version).toBe(first.version + 1);

  const late = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  expect(await watchDesired(late, 'pi-1').until(() => true)).toEqual(second);
});

test('the death of a worker, told by its will, takes it away from its devices; its return gives it back', async () => {
  const { plane, brokerUrl } = await startPlatform();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const device = watchDesired(connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1')), 'pi-1');
  const topic = workerTopic('w1', 'presence');
  const startWorker = async (boot: number): Promise<MqttConnection> => {
    const will = { topic, payload: JSON.stringify(offline(boot)) };
    const worker = connect(brokerUrl, 'w1', plane.tokenOf('worker', 'w1'), will);
    await worker.ready(10_000);
    await worker.publishAcknowledged(topic, JSON.stringify(online(boot)), { retain: true });
    return worker;
  };
  const worker = await startWorker(1);
  const placed = await device.until((configuration) => configuration.worker?.id === 'w1');
  await worker.close();
  const alone = await device.until(({ version, worker }) => version > placed.version && worker === null);
  await startWorker(2);
  await device.until(({ version, worker }) => version > alone.version && worker?.id === 'w1');
  const versions = device.seen.map(({ version }) => version);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
});

test('a device that asks gets its configuration again, although it is the same', async () => {
  const { plane, brokerUrl } = await startPlatform();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const connection = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  const device = watchDesired(connection, 'pi-1');
  const first = await device.until(() => true);
  device.seen.length = 0;
  const request = JSON.stringify({ schema: 1, version: first.version });
  await connection.publishAcknowledged(deviceTopic('pi-1', 'configuration-request'), request);
  expect(await device.until(() => true)).toEqual(first);
});

test('a broker that is started anew gets everything that is retained', async () => {
  const { plane, broker, brokerUrl } = await startPlatform();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const before = await watchDesired(connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1')), 'pi-1').until(
    () => true,
  );
  await broker.kill();
  await startBroker(plane.folder, Number(new URL(brokerUrl).port));
  const device = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  expect(await watchDesired(device, 'pi-1').until(() => true)).toEqual(before);
});

test('a predicted table reaches a device with a new model, and the measured one takes its place', async () => {
  const folder = await temporaryFolder();
  const deep = await writePackage(join(folder, 'packages'), 'deep', 3);
  const { plane, brokerUrl } = await startPlatform(folder);
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const device = watchDesired(connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1')), 'pi-1');
  const put = async (url: string, headers: Record<string, string>, payload: object): Promise<void> => {
    const response = await plane.http.inject({ method: 'PUT', url: `/api/v1/${url}`, headers, payload });
    expect(response.statusCode).toBe(200);
  };
  const own = plane.bearer('device', 'pi-1');
  await put('profiles', own, profile('device', 'pi4', plane.digest));
  await put('policy', { ...plane.admin, 'if-match': '*' }, { model: 'deep' });
  const predicted = await device.until(({ deviceProfile }) => deviceProfile?.source === 'predicted');
  expect(predicted).toMatchObject({ model: { digest: deep }, deviceProfile: { exits: [{ head: { length: 4 } }] } });
  await put('profiles', own, deepProfile('device', 'pi4', deep));
  const measured = await device.until(({ version }) => version > predicted.version);
  expect(measured.deviceProfile).not.toHaveProperty('source');
});

test('a device that reports drift over the broker is asked to measure anew, and gets what it measured', async () => {
  const { plane, brokerUrl } = await startPlatform(undefined, { driftPersistMs: 0 });
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const connection = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  const device = watchDesired(connection, 'pi-1');
  const put = async (ms: number): Promise<void> => {
    const [headers, payload] = [plane.bearer('device', 'pi-1'), profile('device', 'pi4', plane.digest, ms)];
    await plane.http.inject({ method: 'PUT', url: '/api/v1/profiles', headers, payload });
  };
  await put(1);
  await device.until(({ deviceProfile }) => deviceProfile !== null);
  await connection.publishAcknowledged(deviceTopic('pi-1', 'presence'), JSON.stringify(online(5)), { retain: true });
  const reported = { schema: 1, version: 1, boot: 5, modelDigest: plane.digest, state: 'ready', drift: { device: 2 } };
  await connection.publishAcknowledged(deviceTopic('pi-1', 'reported'), JSON.stringify(reported), { retain: true });
  const asked = await device.until(({ profileRequested }) => profileRequested);
  expect(asked.deviceProfile?.exits[0]?.head[1]?.medianMs).toBe(1);
  await put(2);
  const answered = await device.until(({ version }) => version > asked.version);
  expect(answered).toMatchObject({
    profileRequested: false,
    deviceProfile: { exits: [{ head: [{}, { medianMs: 2 }] }] },
  });
});

test('what a device publishes is stored under its id', async () => {
  const { plane, brokerUrl } = await startPlatform();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const connection = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  const device = watchDesired(connection, 'pi-1');
  await device.until(() => true);
  await connection.publishAcknowledged(deviceTopic('pi-1', 'presence'), JSON.stringify(online(5)), { retain: true });
  await device.until(({ profileRequested }) => profileRequested);
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ presence: { online: true, boot: 5 } });
});

test('a device is told what is stored of its telemetry, and what is not where it asks', async () => {
  const { plane, brokerUrl } = await startPlatform();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const connection = connect(brokerUrl, 'pi-1', plane.tokenOf('device', 'pi-1'));
  const told: TelemetryAcknowledgement['boots'] = [];
  let look = (): void => {};
  connection.subscribe(deviceTopic('pi-1', 'telemetry-acknowledgement'), (_topic, payload) => {
    told.push(...telemetryAcknowledgementParser.parseJson(payload).boots);
    look();
  });
  await watchDesired(connection, 'pi-1').until(() => true);
  const say = (message: object): boolean =>
    connection.publish(deviceTopic('pi-1', 'telemetry'), [Buffer.from(JSON.stringify(message))]);
  const untilTold = (count: number) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (told.length >= count) resolve();
      };
      look();
    });
  say(telemetryOf(summary(1)));
  await untilTold(1);
  // What is told is in the database already, as another reader sees it.
  const db = new Database(join(plane.folder, 'data', 'fleet.sqlite'), { readonly: true });
  expect(db.prepare('SELECT sequence FROM summaries').all()).toEqual([{ sequence: 1 }]);
  db.close();
  say({ schema: 1, boot: 2, reports: [] });
  await untilTold(2);
  expect(told).toEqual([
    { boot: 1, held: [{ first: 1, last: 1 }] },
    { boot: 2, held: [] },
  ]);
});
