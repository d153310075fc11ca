import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../shared/model/model-package.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createControlPlane } from '../app.ts';
import { online, profile, samples, telemetryOf } from '../testing/messages.ts';
import { writePackage } from '../testing/model-package.ts';
import { startControlPlane, temporaryFolder, testConfig } from '../testing/start-control-plane.ts';

test('a list comes in pages that together hold everything once', async () => {
  const plane = await startControlPlane();
  const ids = Array.from({ length: 7 }, (_, index) => `pi-${index}`);
  for (const id of ids) await plane.register('device', { id, hardwareClass: 'pi4' });
  const seen: string[] = [];
  let cursor = '';
  for (;;) {
    const url = `/api/v1/devices?limit=3${cursor}`;
    const page = (await plane.http.inject({ url, headers: plane.admin })).json<{
      items: { id: string }[];
      next: string | null;
    }>();
    seen.push(...page.items.map(({ id }) => id));
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  expect(seen).toEqual(ids);
});

test('reports come newest first, page by page', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  for (let sequence = 1; sequence <= 3; sequence += 1) {
    await plane.deliver(deviceTopic('pi-1', 'telemetry'), telemetryOf(samples(sequence)));
  }
  const url = '/api/v1/devices/pi-1/samples?limit=2';
  const first = (await plane.http.inject({ url, headers: plane.admin })).json<{ next: string }>();
  expect(first).toMatchObject({ items: [{ report: { sequence: 3 } }, { report: { sequence: 2 } }] });
  expect(await plane.getJson(`/devices/pi-1/samples?limit=2&cursor=${first.next}`)).toMatchObject({
    items: [{ report: samples(1) }],
    next: null,
  });
});

test('a page of a wrong size or cursor is refused', async () => {
  const plane = await startControlPlane();
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'cursor=nonsense']) {
    const response = await plane.http.inject({ url: `/api/v1/devices?${query}`, headers: plane.admin });
    expect(response.json()).toMatchObject({ status: 400, code: 'body-invalid' });
  }
});

test.each([
  ['/devices?limti=3', 'query parameter "limti" is not known here: did you mean "limit"?'],
  [
    '/devices?limit=3&state=online',
    'query parameter "state" is not known here: this route takes cursor, limit, worker',
  ],
  ['/devices/pi-1?limit=3', 'query parameter "limit" is not known here: this route takes none'],
  ['/overview?__proto__=1', 'query parameter "__proto__" is not known here: this route takes none'],
  ['/openapi.json?v=2', 'query parameter "v" is not known here: this route takes none'],
])('%s is refused for a query parameter that the route does not know', async (path, detail) => {
  const plane = await startControlPlane();
  const response = await plane.http.inject({ url: `/api/v1${path}`, headers: plane.admin });
  expect(response.headers['content-type']).toContain('application/problem+json');
  expect(response.json()).toMatchObject({ status: 400, code: 'query-parameter-unknown', detail });
});

test('a query parameter that nobody knows tells nothing to who may not call the route, nor makes one of what is none', async () => {
  const plane = await startControlPlane();
  const asked = async (url: string) => (await plane.http.inject({ url })).json();
  expect(await asked('/api/v1/devices?limti=3')).toMatchObject({ status: 401, code: 'token-invalid' });
  expect(await asked('/api/v1/nowhere?limti=3')).toMatchObject({ status: 404, code: 'not-found' });
});

test('a worker shows its load and what it reported', async () => {
  const plane = await startControlPlane();
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc', threads: 2 });
  const load = {
    schema: 1,
    boot: 1,
    threads: 2,
    queued: 3,
    utilisation: 0.5,
    completed: 9,
    expired: 1,
    overloaded: 0,
    queueMs: 1.5,
  };
  await plane.deliver(workerTopic('w1', 'load'), load);
  await plane.deliver(workerTopic('w1', 'presence'), online(4));
  expect(await plane.getJson('/workers/w1')).toMatchObject({ threads: 2, load, presence: { online: true, boot: 4 } });
  expect(await plane.getJson('/overview')).toMatchObject({ workers: { total: 1, online: 1 }, brokerConnected: false });
});

test('whoever measures a profile shows how far that is', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'pi4' });
  const reported = { schema: 1, version: 1, boot: 1, modelDigest: plane.digest, state: 'profiling' };
  const progress = { done: 40, total: 3660 };
  await plane.deliver(deviceTopic('pi-1', 'reported'), { ...reported, progress });
  expect(await plane.getJson('/devices/pi-1')).toMatchObject({ reported: { state: 'profiling', progress } });
  await plane.deliver(deviceTopic('pi-1', 'reported'), { ...reported, state: 'ready' });
  expect(await plane.getJson('/devices/pi-1')).toHaveProperty('reported', { ...reported, state: 'ready' });
});

test('a model package is listed, described and served for ever under its digest', async () => {
  const plane = await startControlPlane();
  expect(await plane.getJson('/models')).toMatchObject({ items: [{ name: 'tiny', digest: plane.digest }] });
  expect(await plane.getJson(`/models/${plane.digest}/manifest`)).toMatchObject({
    digest: plane.digest,
    labels: ['a', 'b', 'c', 'd'],
  });
  const url = `/api/v1/models/${plane.digest}/file`;
  const headers = plane.bearer('device', 'pi-1');
  const response = await plane.http.inject({ url, headers });
  expect(digestOf(response.rawPayload)).toBe(plane.digest);
  expect(response.headers).toMatchObject({
    etag: `"${plane.digest}"`,
    'cache-control': expect.stringContaining('immutable'),
    'content-length': String(response.rawPayload.length),
  });
  const unchanged = await plane.http.inject({ url, headers: { ...headers, 'if-none-match': `"${plane.digest}"` } });
  expect([unchanged.statusCode, unchanged.body]).toEqual([304, '']);
  const unknown = `/api/v1/models/sha256:${'0'.repeat(64)}/file`;
  expect((await plane.http.inject({ url: unknown, headers })).json()).toMatchObject({ status: 404, code: 'not-found' });
});

test('a model file that was damaged is not served', async () => {
  const plane = await startControlPlane();
  const folder = join(plane.folder, 'data', 'models');
  writeFileSync(join(folder, readdirSync(folder)[0] ?? ''), 'another file');
  const response = await plane.http.inject({ url: `/api/v1/models/${plane.digest}/file`, headers: plane.admin });
  expect(response.json()).toMatchObject({ status: 500, code: 'store-damaged' });
});

test('a bad package is left out, and a policy without its model stops the start', async () => {
  const folder = await temporaryFolder();
  await writePackage(join(folder, 'packages'), 'tiny');
  writeFileSync(join(folder, 'packages', 'tiny', 'model.onnx'), 'another file');
  const starting = createControlPlane({
    config: testConfig(folder),
    clock: createFakeClock(),
    log: createLog('control-plane', 'silent'),
  });
  await expect(starting).rejects.toMatchObject({ code: 'config-invalid' });
});

test('a profile is stored for the sender’s own tier and class alone, and for a known model', async () => {
  const plane = await startControlPlane();
  await plane.register('device', { id: 'pi-1', hardwareClass: 'Raspberry Pi 4/8 GB' });
  const put = async (payload: object, id = 'pi-1'): Promise<unknown> =>
    (
      await plane.http.inject({ method: 'PUT', url: '/api/v1/profiles', headers: plane.bearer('device', id), payload })
    ).json();
  const own = profile('device', 'Raspberry Pi 4/8 GB', plane.digest);
  expect(await put(profile('worker', 'Raspberry Pi 4/8 GB', plane.digest))).toMatchObject({ code: 'forbidden' });
  expect(await put(profile('device', 'pi5', plane.digest))).toMatchObject({ code: 'forbidden' });
  expect(await put({ ...own, exits: own.exits.map((exit) => ({ ...exit, tail: [] })) })).toMatchObject({
    status: 400,
    code: 'profile-unusable',
  });
  expect(await put({ ...own, exits: own.exits.map((exit) => ({ ...exit, name: 'exit7' })) })).toMatchObject({
    code: 'profile-unusable',
  });
  expect(await put({ ...own, modelDigest: `sha256:${'0'.repeat(64)}` })).toMatchObject({ code: 'not-found' });
  expect(await put({ ...own, exits: [] })).toMatchObject({ code: 'body-invalid' });
  expect(await put(own, 'nobody')).toMatchObject({ code: 'token-invalid' });
  expect(await put(own)).toMatchObject({ tier: 'device', measuredBy: 'pi-1' });
  const url = `/profiles/device/${encodeURIComponent('Raspberry Pi 4/8 GB')}/${plane.digest}`;
  expect(await plane.getJson(url)).toEqual(own);
});

test('what goes wrong is a problem with a stable code', async () => {
  const plane = await startControlPlane();
  const call = (options: { url: string; headers?: Record<string, string>; payload?: string }) =>
    plane.http.inject({ method: 'POST', ...options });
  const headers = { ...plane.enrolment, 'content-type': 'application/json' };
  const cases = [
    [await call({ url: '/nowhere' }), 404, 'not-found'],
    [await call({ url: '/api/v1/devices', headers, payload: '{' }), 400, 'body-invalid'],
    [await call({ url: '/api/v1/devices', headers, payload: `"${'x'.repeat(5 << 20)}"` }), 413, 'body-too-large'],
    [
      await call({ url: '/api/v1/devices', headers: { ...headers, 'content-type': 'text/csv' }, payload: 'a' }),
      415,
      'media-type-unsupported',
    ],
  ] as const;
  for (const [response, status, code] of cases) {
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
  }
});
