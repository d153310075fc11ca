import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectPlain } from '../../broker/testing/plain-client.ts';
import { generateSigningKeys } from '../../shared/protocol/access-token.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { startBroker, startPlainBroker } from '../testing/broker-command.ts';

/** @returns how the command ended by itself, and what it said */
async function outcome(...words: readonly string[]): Promise<{ code: number; errors: string }> {
  const main = repositoryFile('dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, 'broker', 'run', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), errors };
}

test('it listens where it is told, and says that a port is taken by a stable code', async () => {
  const first = await startPlainBroker();
  onTestFinished(async () => void (await first.stop()));
  expect(first.mqttUrl).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
  expect((await connectPlain(first.mqttUrl, { clientId: 'one' })).returnCode).toBe(0);
  const second = await outcome('--allow-anonymous', '--listen', first.mqttUrl);
  expect(second.code).toBe(1);
  expect(second.errors).toContain(first.mqttUrl);
  expect(second.errors).toContain('  listen-failed: ');
}, 120_000);

test('it listens on this machine alone', async () => {
  const { code, errors } = await outcome('--allow-anonymous', '--listen', 'mqtt://0.0.0.0:0');
  expect(code).toBe(1);
  expect(errors).toContain('  config-invalid: ');
}, 60_000);

test('one of the two ways in must be given', async () => {
  const { code, errors } = await outcome('--listen', 'mqtt://127.0.0.1:0');
  expect(code).toBe(1);
  expect(errors).toContain('--allow-anonymous');
  expect(errors).toContain('  usage: ');
}, 60_000);

test('with a key it is the platform’s broker, and lets nobody in without a token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-broker-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [right, wrong] = [join(folder, 'right.pem'), join(folder, 'wrong.pem')];
  await writeFile(right, generateSigningKeys().publicKey);
  const broker = await startBroker('--public-key', right);
  onTestFinished(async () => void (await broker.stop()));
  expect((await connectPlain(broker.mqttUrl, { clientId: 'one' })).returnCode).toBe(5);
  await writeFile(wrong, 'no key');
  const { code, errors } = await outcome('--public-key', wrong, '--listen', 'mqtt://127.0.0.1:0');
  expect(code).toBe(1);
  expect(errors).toContain('publicKeyFile');
  expect(errors).toContain('  config-invalid: ');
}, 120_000);
