import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { type BareClient, connectBareClient } from './device/bare-client.ts';
import { type BareServer, startBareServer } from './edge/bare-server.ts';
import type { Segment } from './sending-plans.ts';

const host = '127.0.0.1';
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function connected(
  run: (segment: Segment | null) => Promise<number>,
): Promise<{ server: BareServer; client: BareClient }> {
  const server = await startBareServer({ host, run, clock: systemClock });
  opened.push(server);
  const client = await connectBareClient({ host, port: server.port, clock: systemClock });
  opened.push(client);
  return { server, client };
}

const segment: Segment = { exit: 1, from: 0, to: 3 };

test('an exchange tells the wire’s time apart from what passed on the server', async () => {
  const ran: (Segment | null)[] = [];
  const { server, client } = await connected(async (asked) => {
    ran.push(asked);
    await new Promise<void>((resolve) => systemClock.after(100, resolve));
    return 60;
  });
  server.expect({ upBytes: 100_000, worker: segment, downBytes: 50_000 });
  const { wireMs, workerMs } = await client.exchange({ upBytes: 100_000, downBytes: 50_000 });
  expect(workerMs).toBe(60);
  expect(wireMs).toBeLessThan(95);
  expect(ran).toEqual([segment]);
});

test('exchanges of other sizes follow over the same connection', async () => {
  const { server, client } = await connected(async () => 1);
  for (const [upBytes, downBytes] of [
    [1, 16],
    [70_000, 16],
    [1, 200_000],
  ] as const) {
    server.expect({ upBytes, worker: null, downBytes });
    expect((await client.exchange({ upBytes, downBytes })).workerMs).toBe(1);
  }
});

test('a segment that cannot be run ends the connection, and whoever waits is told', async () => {
  const { server, client } = await connected(() => Promise.reject(new Error('not loaded')));
  server.expect({ upBytes: 10, worker: segment, downBytes: 16 });
  await expect(client.exchange({ upBytes: 10, downBytes: 16 })).rejects.toMatchObject({ code: 'experiment-failed' });
});
