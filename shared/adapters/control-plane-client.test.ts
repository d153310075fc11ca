import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { Profile } from '../protocol/profile.ts';
import { createControlPlaneClient } from './control-plane-client.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A real server that answers as the test wants; `headers` are those of each request. */
async function serve(handler: Handler): Promise<{ url: string; headers: IncomingMessage['headers'][] }> {
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    handler(request, response, headers.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, headers };
}

const registration = { id: 'edge', hardwareClass: 'x64-test-2c', threads: 1 };
const credentials = { id: 'edge', token: 'the-token', brokerUrl: 'mqtt://127.0.0.1:1883' };
const digest = `sha256:${'a'.repeat(64)}`;
const quick = { random: () => 0, maxDelayMs: 1 };

test('registering uses the enrolment token, and the token that was given out serves from then on', async () => {
  const paths: string[] = [];
  const { url, headers } = await serve((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    if (request.method === 'POST') response.writeHead(201).end(JSON.stringify(credentials));
    else response.end(Buffer.from([1, 2, 3]));
  });
  const client = createControlPlaneClient({ baseUrl: url, enrolmentToken: 'enrol' });
  expect(await client.registerWorker(registration)).toEqual(credentials);
  expect(await client.registerDevice(registration)).toEqual(credentials);
  expect(Buffer.from(await client.fetchModelFile(digest))).toEqual(Buffer.from([1, 2, 3]));
  expect(paths).toEqual(['POST /api/v1/workers', 'POST /api/v1/devices', `GET /api/v1/models/${digest}/file`]);
  expect(headers.map(({ authorization }) => authorization)).toEqual([
    'Bearer enrol',
    'Bearer enrol',
    'Bearer the-token',
  ]);
});

test('tells where the broker is now, and refuses what is no address of one', async () => {
  const { url, headers } = await serve((request, response, count) => {
    const brokerUrl = count === 1 ? 'mqtt://127.0.0.1:4321' : 'file:///etc/passwd';
    response.writeHead(request.url === '/api/v1/broker' ? 200 : 404).end(JSON.stringify({ brokerUrl }));
  });
  const client = createControlPlaneClient({ baseUrl: url, token: 't' });
  expect(await client.fetchBrokerUrl()).toBe('mqtt://127.0.0.1:4321');
  await expect(client.fetchBrokerUrl()).rejects.toThrow(expect.objectContaining({ code: 'http-failed' }));
  expect(headers[0]?.authorization).toBe('Bearer t');
});

test('what may pass is tried again, with the same idempotency key', async () => {
  const { url, headers } = await serve((_request, response, count) => {
    if (count < 3) response.writeHead(503).end('busy');
    else response.writeHead(201).end(JSON.stringify(credentials));
  });
  const client = createControlPlaneClient({ baseUrl: url, enrolmentToken: 'enrol', ...quick });
  expect(await client.registerWorker(registration)).toEqual(credentials);
  expect(new Set(headers.map((each) => each['idempotency-key'])).size).toBe(1);
  expect(headers).toHaveLength(3);
});

test('a refusal is not repeated; its code and detail stand in the message', async () => {
  const problem = { type: 'about:blank', title: 'Gone', status: 404, code: 'not-found', detail: 'no such model' };
  const { url, headers } = await serve((_request, response) => response.writeHead(404).end(JSON.stringify(problem)));
  const client = createControlPlaneClient({ baseUrl: url, token: 't' });
  const failure = client.fetchManifest(digest);
  await expect(failure).rejects.toMatchObject({ code: 'http-failed' });
  await expect(failure).rejects.toThrow(/404 not-found: no such model/);
  expect(headers).toHaveLength(1);
});

test('whoever registers hears why under the code of the refusal, and of what is no control plane', async () => {
  const refused = { type: 'about:blank', title: 'Wrong', status: 401, code: 'token-invalid', detail: 'not that token' };
  const problems = [refused, { ...refused, code: 'of-a-later-release' }];
  const { url } = await serve((_request, response, count) => {
    response.writeHead(401).end(count <= 2 ? JSON.stringify(problems[count - 1]) : '<p>a proxy</p>');
  });
  const client = createControlPlaneClient({ baseUrl: url, enrolmentToken: 'wrong' });
  for (const [code, text] of [
    ['token-invalid', 'not that token'],
    ['http-answer-unexpected', '401 of-a-later-release: not that token (Wrong)'],
    ['http-answer-unexpected', '401 <p>a proxy</p>'],
  ] as const) {
    const failure = client.registerDevice(registration);
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(text);
  }
});

test('an answer that does not come is given up after the last attempt', async () => {
  const { url, headers } = await serve(() => {});
  // Long enough for each attempt to reach the server, also on a busy machine.
  const client = createControlPlaneClient({ baseUrl: url, token: 't', timeoutMs: 200, attempts: 3, ...quick });
  await expect(client.putProfile(profile)).rejects.toThrow(/no answer within 200 ms/);
  expect(headers).toHaveLength(3);
});

test('a body that stops half-way is given up too', async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
  });
  const client = createControlPlaneClient({ baseUrl: url, token: 't', timeoutMs: 20, attempts: 1 });
  await expect(client.fetchModelFile(digest)).rejects.toMatchObject({ code: 'http-failed' });
});

test('without a connection it says why', async () => {
  const client = createControlPlaneClient({ baseUrl: 'http://127.0.0.1:1', token: 't', attempts: 2, ...quick });
  await expect(client.fetchModelFile(digest)).rejects.toThrow(/ECONNREFUSED|bad port/);
});

test('the caller may give up while it waits for the next attempt', async () => {
  const stop = new AbortController();
  const { url } = await serve((_request, response) => {
    response.writeHead(503, { 'retry-after': '3600' }).end();
    setImmediate(() => stop.abort());
  });
  const client = createControlPlaneClient({ baseUrl: url, token: 't' });
  await expect(client.fetchModelFile(digest, stop.signal)).rejects.toMatchObject({ code: 'http-failed' });
});

const profile: Profile = {
  schema: 1,
  modelDigest: digest,
  tier: 'worker',
  hardwareClass: 'x64-test-2c',
  threads: 1,
  runtime: 'none',
  measuredAt: '2020-01-01T00:00:00.000Z',
  gapMs: 0,
  runs: 1,
  perCallOverheadMs: 0,
  modelLoadMs: 0,
  exits: [{ name: 'exit', layers: [], head: [], tail: [] }],
};
