import { readFileSync } from 'node:fs';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import type { Role } from '../shared/protocol/topic-rules.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { guardRoutes } from './access.ts';
import { ensureKeys } from './keys.ts';
import { profile } from './testing/messages.ts';
import { startControlPlane, type TestedControlPlane, temporaryFolder } from './testing/start-control-plane.ts';

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
const roles = ['admin', 'device', 'worker', 'control-plane'] as const;
const everyMember: readonly Role[] = ['admin', 'device', 'worker'];

/** Every route with the roles that it lets in; `pi-1` and `w1` call about themselves. */
const table: readonly { method: Method; url: string; allowed: readonly Role[] | 'public' | 'enrolment' }[] = [
  { method: 'POST', url: '/devices', allowed: 'enrolment' },
  { method: 'POST', url: '/workers', allowed: 'enrolment' },
  { method: 'GET', url: '/devices', allowed: ['admin'] },
  { method: 'GET', url: '/devices/pi-1', allowed: ['admin', 'device'] },
  { method: 'GET', url: '/devices/pi-1/configuration', allowed: ['admin', 'device'] },
  { method: 'GET', url: '/devices/pi-1/samples', allowed: ['admin', 'device'] },
  { method: 'GET', url: '/devices/pi-1/summaries', allowed: ['admin', 'device'] },
  { method: 'GET', url: '/devices/pi-1/results', allowed: ['admin', 'device'] },
  { method: 'GET', url: '/workers', allowed: ['admin'] },
  { method: 'GET', url: '/workers/w1', allowed: ['admin', 'worker'] },
  { method: 'GET', url: '/workers/w1/configuration', allowed: ['admin', 'worker'] },
  { method: 'GET', url: '/models', allowed: everyMember },
  { method: 'GET', url: '/models/DIGEST/manifest', allowed: everyMember },
  { method: 'GET', url: '/models/DIGEST/file', allowed: everyMember },
  { method: 'PUT', url: '/profiles', allowed: ['device', 'worker'] },
  { method: 'GET', url: '/profiles', allowed: everyMember },
  { method: 'GET', url: '/profiles/device/pi4/DIGEST', allowed: everyMember },
  { method: 'GET', url: '/policy', allowed: ['admin'] },
  { method: 'PUT', url: '/policy', allowed: ['admin'] },
  { method: 'GET', url: '/bandwidth-states', allowed: ['admin'] },
  { method: 'PUT', url: '/bandwidth-states', allowed: ['admin'] },
  { method: 'DELETE', url: '/bandwidth-states', allowed: ['admin'] },
  { method: 'GET', url: '/broker', allowed: everyMember },
  { method: 'GET', url: '/healthz', allowed: 'public' },
  { method: 'GET', url: '/overview', allowed: ['admin'] },
];

const idOf = { admin: 'admin', device: 'pi-1', worker: 'w1', 'control-plane': 'control-plane' } as const;

const changeable = ['/policy', '/bandwidth-states'];
const statesFile = JSON.parse(readFileSync(repositoryFile('control-plane', 'default-states.json'), 'utf8'));

function bodyFor(url: string, role: Role, digest: string): object | undefined {
  if (url === '/policy') return { marginMs: 5 };
  if (url === '/bandwidth-states') return statesFile;
  return role === 'worker' ? profile('worker', 'pc', digest) : profile('device', 'pi4', digest);
}

async function startFleet(): Promise<TestedControlPlane> {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  const payload = profile('device', 'pi4', plane.digest);
  const headers = plane.bearer('device', 'pi-1');
  await plane.http.inject({ method: 'PUT', url: '/api/v1/profiles', headers, payload });
  return plane;
}

test('every route lets in exactly the roles of the table', async () => {
  const plane = await startFleet();
  for (const { method, url, allowed } of table) {
    const call = async (headers: Record<string, string>, role: Role): Promise<number> => {
      const payload = method === 'PUT' ? bodyFor(url, role, plane.digest) : undefined;
      const target = `/api/v1${url.replace('DIGEST', plane.digest)}`;
      const all = { ...headers, ...(changeable.includes(url) ? { 'if-match': '*' } : {}) };
      const options = payload === undefined ? {} : { payload };
      return (await plane.http.inject({ method, url: target, headers: all, ...options })).statusCode;
    };
    for (const role of roles) {
      const status = await call(plane.bearer(role, idOf[role]), role);
      const expected = allowed === 'public' ? 200 : allowed === 'enrolment' ? 401 : allowed.includes(role) ? 200 : 403;
      expect(`${method} ${url} as ${role}: ${status}`).toBe(`${method} ${url} as ${role}: ${expected}`);
    }
    expect(`${method} ${url}: ${await call({}, 'device')}`).toBe(
      `${method} ${url}: ${allowed === 'public' ? 200 : 401}`,
    );
  }
});

test('the table names every route', async () => {
  const plane = await startControlPlane();
  const described = Object.entries(plane.http.swagger().paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const named = table.map(({ method, url }) => {
    const path = url
      .replace('/profiles/device/pi4/DIGEST', '/profiles/{tier}/{class}/{digest}')
      .replace('DIGEST', '{digest}')
      .replace(/pi-1|w1/, '{id}');
    return `${method} /api/v1${path}`;
  });
  expect(described.sort()).toEqual(named.sort());
});

test('a device sees itself alone, whatever another’s id', async () => {
  const plane = await startFleet();
  await plane.register('device', { id: 'pi-2', hardwareClass: 'pi4' });
  const headers = plane.bearer('device', 'pi-2');
  for (const url of ['/devices/pi-1', '/devices/pi-1/configuration', '/devices/pi-1/samples', '/devices/nobody']) {
    const response = await plane.http.inject({ url: `/api/v1${url}`, headers });
    expect(response.json()).toMatchObject({ status: 403, code: 'forbidden' });
  }
});

test('a request whose token is missing or malformed is refused with a problem', async () => {
  const plane = await startControlPlane();
  const token = plane.tokenOf('admin', 'admin');
  const bad = [token, `Basic ${token}`, `Bearer ${token.slice(0, -3)}AAA`, 'Bearer ', `Bearer ${token} ${token}`];
  for (const authorization of bad) {
    const response = await plane.http.inject({ url: '/api/v1/overview', headers: { authorization } });
    expect(response.headers).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'www-authenticate': 'Bearer',
    });
    expect(response.json()).toMatchObject({
      status: 401,
      code: 'token-invalid',
      type: 'urn:edgent:error:token-invalid',
      detail: expect.stringContaining('this route takes the admin token (the file admin-token'),
    });
  }
});

test('a route that does not say who may call it does not come into being', async () => {
  const { publicKey } = ensureKeys(await temporaryFolder());
  const app = fastify();
  guardRoutes(app, { publicKey, clock: createFakeClock(), isEnrolmentToken: () => false });
  expect(() => app.get('/open', () => 'anything')).toThrow('/open does not say who may call it');
  await app.close();
});
