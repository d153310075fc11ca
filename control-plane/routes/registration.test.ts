import { expect, test } from 'vitest';
import { verifyToken } from '../../shared/protocol/access-token.ts';
import { brokerAddressParser, credentialsParser } from '../../shared/protocol/http.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import { ensureKeys } from '../keys.ts';
import { summary, telemetryOf } from '../testing/messages.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

function register(plane: TestedControlPlane, path: string, payload: object, headers = plane.enrolment) {
  return plane.http.inject({ method: 'POST', url: `/api/v1/${path}`, headers, payload });
}

test('a device gets a token that names it, and the broker that devices are to use', async () => {
  const plane = await startControlPlane({ config: { deviceBrokerUrl: 'mqtt://127.0.0.1:2883' } });
  const response = await register(plane, 'devices', { id: 'pi-1', hardwareClass: 'pi4', labels: { site: 'roof' } });
  expect(response.statusCode).toBe(201);
  expect(response.headers['cache-control']).toBe('no-store');
  const { id, token, brokerUrl } = credentialsParser.parse(response.json());
  expect({ id, brokerUrl }).toEqual({ id: 'pi-1', brokerUrl: 'mqtt://127.0.0.1:2883' });
  const { publicKey } = ensureKeys(`${plane.folder}/data`);
  expect(verifyToken(publicKey, token, 0)).toEqual({ role: 'device', id: 'pi-1' });
});

test('a member is told where the broker is now, whatever it was told when it registered', async () => {
  const plane = await startControlPlane({ config: { deviceBrokerUrl: 'mqtt://127.0.0.1:2883' } });
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  const headers = plane.bearer('worker', 'w1');
  const response = await plane.http.inject({ url: '/api/v1/broker', headers });
  expect(brokerAddressParser.parse(response.json())).toEqual({ brokerUrl: 'mqtt://127.0.0.1:2883' });
});

test('to register again renews the credentials and keeps the history', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4', processorFactor: 4 });
  await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(summary(1)));
  const again = await register(plane, 'devices', { id: 'pi-1', hardwareClass: 'pi5', labels: { site: 'roof' } });
  expect(again.statusCode).toBe(201);
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({
    hardwareClass: 'pi5',
    processorFactor: 1,
    labels: { site: 'roof' },
    totals: { frames: 10 },
  });
});

test('an id of the other role or of the platform itself is a conflict', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'a', hardwareClass: 'pi4' });
  for (const [path, id] of [
    ['workers', 'a'],
    ['devices', 'control-plane'],
    ['workers', 'admin'],
  ] as const) {
    const response = await register(plane, path, { id, hardwareClass: 'pc' });
    expect(response.json()).toMatchObject({ status: 409, code: 'conflict' });
  }
});

test('a wrong enrolment token registers nobody', async () => {
  const plane = await startControlPlane();
  for (const token of ['wrong', `x${plane.enrolmentToken}`, plane.tokenOf('admin', 'admin')]) {
    const response = await register(
      plane,
      'devices',
      { id: 'a', hardwareClass: 'pi4' },
      { authorization: `Bearer ${token}` },
    );
    expect(response.json()).toMatchObject({
      status: 401,
      code: 'token-invalid',
      detail: expect.stringContaining('the file enrolment-token in the control plane’s data folder'),
    });
  }
  expect(await plane.getJson('/devices')).toEqual({ items: [], next: null });
});

test('attempts to register are limited, failed ones too', async () => {
  const plane = await startControlPlane({ config: { registrationsPerMinute: 3 } });
  const body = { id: 'a', hardwareClass: 'pi4' };
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect((await register(plane, 'devices', body, { authorization: 'Bearer wrong' })).statusCode).toBe(401);
  }
  const response = await register(plane, 'devices', body);
  expect(response.json()).toMatchObject({ status: 429, code: 'rate-limited' });
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
});

test('a registration that does not fit its schema is refused', async () => {
  const plane = await startControlPlane();
  const bad = [
    { id: 'a/b', hardwareClass: 'pi4' },
    { id: 'a' },
    { id: 'a', hardwareClass: 'pi4', admin: true },
    { id: 'a', hardwareClass: 'pi4', labels: { floor: 3 } },
  ];
  for (const body of bad) {
    const response = await register(plane, 'devices', body);
    expect(response.json()).toMatchObject({ status: 400, code: 'body-invalid' });
  }
});
