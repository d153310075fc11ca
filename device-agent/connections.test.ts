import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { generateSigningKeys, signToken } from '../shared/protocol/access-token.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { toEnvironment } from '../shared/runtime/config.ts';
import { createLog } from '../shared/runtime/log.ts';
import { parseReadyLine } from '../shared/runtime/ready-line.ts';
import { connectDevice } from './connections.ts';

/** Nothing listens there. */
const nowhere = 'mqtt://127.0.0.1:1';

/** Starts the broker as in service. */
async function startBroker(): Promise<{ urls: string[]; token: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'connections-'));
  const keys = generateSigningKeys();
  const publicKeyFile = join(folder, 'public.pem');
  await writeFile(publicKeyFile, keys.publicKey);
  const main = fileURLToPath(new URL('../broker/main.js', import.meta.url));
  const env = toEnvironment({ mqttPort: 0, webSocketPort: 0, publicKeyFile, logLevel: 'silent' });
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  return {
    urls: Object.values(parseReadyLine(String(line)) ?? {}),
    token: signToken(keys.privateKey, { role: 'device', id: 'cam' }),
  };
}

test('a device finds a broker that is elsewhere, by MQTT and by WebSocket, on both its connections', async () => {
  const { urls, token } = await startBroker();
  expect(urls.map((url) => new URL(url).protocol).toSorted()).toEqual(['mqtt:', 'ws:']);
  for (const url of urls) {
    const clock = createFakeClock();
    const kept: string[] = [];
    const connections = connectDevice({
      credentials: { id: 'cam', token, brokerUrl: nowhere },
      boot: 1,
      heldVersion: () => 0,
      onDesired: () => undefined,
      maxReconnectMs: 1000,
      namedBroker: { ask: async () => url, keep: async (named) => void kept.push(named), clock },
      log: createLog('device', 'silent'),
    });
    onTestFinished(() => connections.close());
    connections.control.onDisconnect(() => clock.advance(5000));
    await Promise.all([connections.control.ready(20_000), connections.data.ready(20_000)]);
    expect(kept).toEqual([url]);
    await connections.close();
  }
});
