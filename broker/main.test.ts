import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { generateSigningKeys } from '../shared/protocol/access-token.ts';
import { toEnvironment } from '../shared/runtime/config.ts';
import { parseReadyLine } from '../shared/runtime/ready-line.ts';
import { connectPacket } from './testing/packets.ts';
import { connectRaw } from './testing/raw-client.ts';

function startProcess(settings: Record<string, string | number>): ChildProcess {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main], { env: toEnvironment({ mqttPort: 0, ...settings }) });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function keyFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'broker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'key.pem');
  writeFileSync(path, generateSigningKeys().publicKey);
  return path;
}

async function outcome(child: ChildProcess): Promise<{ code: number; errors: string }> {
  let errors = '';
  child.stderr?.on('data', (text) => {
    errors += text;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), errors };
}

test('the process says where it serves, and ends with 0 when told to', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = startProcess({ publicKeyFile: keyFile(), webSocketPort: 0 });
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const [line] = await once(lines, 'line');
    const addresses = parseReadyLine(String(line));
    expect(addresses?.webSocket).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/mqtt$/);
    const client = await connectRaw(addresses?.mqtt ?? '');
    client.send(connectPacket({ clientId: 'd1' }));
    expect((await client.next())?.body[1]).toBe(5);
    const idle = await connectRaw(addresses?.mqtt ?? '');
    child.kill(signal);
    expect((await outcome(child)).code).toBe(0);
    await idle.closed;
  }
});

test('it refuses to listen beyond this machine, and to start without a key', async () => {
  const beyond = await outcome(startProcess({ publicKeyFile: keyFile(), listenHost: '0.0.0.0' }));
  expect(beyond).toMatchObject({ code: 1, errors: expect.stringContaining('no TLS yet') });
  const keyless = await outcome(startProcess({ publicKeyFile: '/nowhere/key.pem' }));
  expect(keyless).toMatchObject({ code: 1, errors: expect.stringContaining('config-invalid') });
});
