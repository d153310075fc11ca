import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startComponent } from '../edge-worker/testing/child-process.ts';
import { createMqttConnection, type MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { generateSigningKeys, signToken } from '../shared/protocol/access-token.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { environment } from './testing/environment.ts';
import { quietLog } from './testing/platform-options.ts';

const wanted = 2000;
const batch = 100;
/** A machine on which fewer come in in this time, a hundred at once, is too busy for 2,000 to be back in twice of it. */
const arrivalMs = 15_000;
const backWithinMs = 30_000;
const windowMs = 400;
/** Far more than full jitter leaves in one window, and half of what would overrun a broker. */
const mostInAWindow = 0.5;

const cleanup = cleanupAfterAll();

/** @returns how many of these moments lie in the fullest window at most */
function fullestWindow(ascendingMs: readonly number[]): number {
  let most = 0;
  let from = 0;
  for (const [index, ms] of ascendingMs.entries()) {
    while (ms - (ascendingMs[from] ?? ms) > windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

test('2,000 devices, or as many as this machine takes, are all back soon after their broker was killed, and not all at once', async ({
  annotate,
}) => {
  const keys = generateSigningKeys();
  const publicKeyFile = join(await temporaryFolder(cleanup), 'public.pem');
  await writeFile(publicKeyFile, keys.publicKey);
  const limits = { publicKeyFile, maxConnections: wanted, logLevel: 'fatal' };
  const first = await startComponent('broker', { ...limits, mqttPort: 0 });
  const url = first.addresses.mqtt ?? '';
  const backAtMs = new Map<string, number>();
  let lost = false;
  function connect(id: string): MqttConnection {
    const token = signToken(keys.privateKey, { role: 'device', id });
    const connection = createMqttConnection({ url, id, token, log: quietLog });
    connection.onConnect(() => {
      if (lost && !backAtMs.has(id)) backAtMs.set(id, systemClock.nowMs());
    });
    return connection;
  }
  const connections: MqttConnection[] = [];
  cleanup.add(() => Promise.all(connections.map((connection) => connection.close())));
  // How they come the first time is not what this is about.
  const startMs = systemClock.nowMs();
  while (connections.length < wanted && systemClock.nowMs() - startMs < arrivalMs) {
    const next = Array.from({ length: batch }, (_, index) => connect(`device-${connections.length + index}`));
    connections.push(...next);
    await Promise.all(next.map((connection) => connection.ready(60_000)));
  }

  const count = connections.length;
  if (environment.CI === 'true') expect(count).toBe(wanted);

  lost = true;
  await first.stop('SIGKILL');
  // Not one connection more than there are devices may be open then.
  const second = await startComponent('broker', {
    ...limits,
    maxConnections: count,
    mqttPort: Number(new URL(url).port),
  });
  cleanup.add(() => second.stop());
  const upMs = systemClock.nowMs();
  await expect.poll(() => backAtMs.size, { timeout: 2 * backWithinMs, interval: 20 }).toBe(count);

  const back = [...backAtMs.values()].toSorted((a, b) => a - b);
  const [firstMs = 0, lastMs = 0] = [back[0], back.at(-1)];
  const share = fullestWindow(back) / count;
  await annotate(
    `${count} devices: first after ${(firstMs - upMs).toFixed(0)} ms, last after ${(lastMs - upMs).toFixed(0)} ms, ` +
      `at most ${(100 * share).toFixed(0)} % in ${windowMs} ms`,
  );
  expect(lastMs - upMs).toBeLessThanOrEqual(backWithinMs);
  expect(share).toBeLessThanOrEqual(mostInAWindow);
  await expect.poll(() => connections.every((connection) => connection.connected()), { timeout: 10_000 }).toBe(true);
});
