import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentialsParser } from '../shared/protocol/http.ts';
import { writePackage } from './testing/model-package.ts';
import { temporaryFolder } from './testing/start-control-plane.ts';
import { type StartedProcess, startProcess } from './testing/start-process.ts';

const noBroker = 'mqtt://127.0.0.1:9';

async function start(folder: string, changes: Record<string, string | number> = {}): Promise<StartedProcess> {
  await writePackage(join(folder, 'packages'), 'tiny');
  return startProcess('control-plane', {
    dataFolder: join(folder, 'data'),
    modelsFolder: join(folder, 'packages'),
    model: 'tiny',
    httpPort: 0,
    brokerUrl: noBroker,
    logLevel: 'trace',
    ...changes,
  });
}

async function readToken(path: string | undefined): Promise<string> {
  return readFile(path ?? '', 'utf8');
}

test('the process is ready without a broker, serves, survives being killed and never logs a token', async () => {
  const folder = await temporaryFolder();
  const first = await start(folder);
  const enrolment = await readToken(first.addresses.enrolmentTokenFile);
  const admin = await readToken(first.addresses.adminTokenFile);
  const register = async (process: StartedProcess, token: string): Promise<Response> =>
    fetch(`${process.addresses.http}/api/v1/devices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'pi-1', hardwareClass: 'pi4' }),
    });
  const registered = await register(first, enrolment);
  expect(registered.status).toBe(201);
  const { token } = credentialsParser.parse(await registered.json());
  expect((await register(first, `${enrolment}x`)).status).toBe(401);
  await first.kill();

  const second = await start(folder);
  const headers = { authorization: `Bearer ${admin}` };
  const device = await fetch(`${second.addresses.http}/api/v1/devices/pi-1`, { headers });
  expect(await device.json()).toMatchObject({ id: 'pi-1', desiredVersion: 1 });
  expect(await second.stop()).toBe(0);
  const written = first.written() + second.written();
  expect(written).toContain('registered');
  for (const secret of [enrolment, admin, token]) expect(written).not.toContain(secret);
});

test('a request whose body does not come is closed, and others are served meanwhile', async () => {
  const { addresses } = await start(await temporaryFolder(), { requestTimeoutMs: 300 });
  const url = new URL(addresses.http ?? '');
  const socket = connect(Number(url.port), url.hostname);
  const closed = once(socket, 'close');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  const head = [
    'POST /api/v1/devices HTTP/1.1',
    `Host: ${url.host}`,
    `Authorization: Bearer ${await readToken(addresses.enrolmentTokenFile)}`,
    'Content-Type: application/json',
    'Content-Length: 100',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n{`);
  expect((await fetch(new URL('/api/v1/healthz', url))).status).toBe(200);
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s);
});

test('a process that cannot start says why and ends', async () => {
  await expect(start(await temporaryFolder(), { model: 'unknown' })).rejects.toThrow(/ended with 1.*config-invalid/s);
  await expect(start(await temporaryFolder(), { listenHost: '0.0.0.0' })).rejects.toThrow(/config-invalid/);
});
