import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createShapedLink } from './shaped-link.ts';
import { closed, createLinkBench, createSockets, eventually, received } from './testing/link-bench.ts';

const { throughLink, closeAll } = createLinkBench();
const sockets = createSockets();
afterEach(async () => {
  sockets.closeAll();
  await closeAll();
});

/** All that comes until the other side ends. */
async function readToEnd(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (data: Buffer) => parts.push(data));
  await once(socket, 'end');
  return Buffer.concat(parts);
}

describe('a connection that ends', () => {
  test('delivers first what was sent before its end', async () => {
    const { client, server } = await throughLink({ trace: constantTrace(8), rttMs: 20 });
    const all = readToEnd(server);
    const startMs = performance.now();
    client.end(Buffer.alloc(100_000, 7));
    expect(await all).toHaveLength(100_000);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(109.5);
  });

  test('on the server’s side delivers the last words of the server too', async () => {
    const { client, server } = await throughLink();
    const all = readToEnd(client);
    server.end(Buffer.alloc(20_000, 7));
    expect(await all).toHaveLength(20_000);
    await closed(client);
  });

  test('on one side still carries the answer to the other', async () => {
    const { client, server } = await throughLink();
    const answer = readToEnd(client);
    const question = received(server, 5000);
    client.end(Buffer.alloc(5000));
    await question;
    server.write('answer');
    expect((await answer).toString()).toBe('answer');
  });

  test('says so even while the link carries nothing', async () => {
    const { client, server } = await throughLink({ trace: constantTrace(0) });
    const ended = readToEnd(server);
    client.end();
    expect(await ended).toHaveLength(0);
  });

  test('by a reset is cut off at the other side, and the link serves on', async () => {
    const { client, server, dialAgain } = await throughLink({ trace: constantTrace(50) });
    const serverClosed = closed(server);
    client.write('x');
    await received(server, 1);
    client.resetAndDestroy();
    await serverClosed;
    const next = await dialAgain();
    const arrival = received(next.server, 3);
    next.client.write('abc');
    await arrival;
  });

  test('because nobody listens behind the link is closed', async () => {
    const port = await sockets.serve(() => undefined);
    sockets.closeAll();
    const shaped = createShapedLink({
      trace: constantTrace(1),
      traceOffsetMs: 0,
      rttMs: 0,
      target: { host: '127.0.0.1', port },
      clock: systemClock,
    });
    const client = await sockets.dial(await shaped.listen());
    await closed(client);
    await shaped.close();
  });
});

describe('a receiver that does not read', () => {
  test('holds its sender back instead of filling memory, and is served again when it reads', async () => {
    const { client, server, shaped } = await throughLink({ trace: constantTrace(10_000) });
    server.pause();
    const piece = Buffer.alloc(65_536);
    const total = 1024;
    let sent = 0;
    const pour = (): void => {
      while (sent < total) {
        sent += 1;
        if (!client.write(piece)) return;
      }
    };
    client.on('drain', pour);
    pour();
    let [last, unchanged] = [-1, 0];
    await eventually(
      () => shaped.carriedBytes(),
      (bytes) => {
        unchanged = bytes === last ? unchanged + 1 : 0;
        last = bytes;
        return unchanged >= 30;
      },
    );
    // What the kernel takes for four sockets, and little besides.
    expect(sent * piece.length).toBeLessThan((total * piece.length) / 2);
    const rest = received(server, total * piece.length);
    server.resume();
    await rest;
    expect(shaped.carriedBytes()).toBe(total * piece.length);
  });
});

describe('closing', () => {
  test('ends all connections, forgets what was on its way and frees the port', async () => {
    const { client, server, shaped } = await throughLink({ trace: constantTrace(0.1), rttMs: 1000 });
    client.write(Buffer.alloc(50_000));
    await eventually(
      () => client.writableLength,
      (waiting) => waiting === 0,
    );
    const bothClosed = Promise.all([closed(client), closed(server)]);
    await shaped.close();
    await bothClosed;
    expect(shaped.carriedBytes()).toBe(0);
    const refused = sockets.dial(client.remotePort ?? 0);
    await expect(refused).rejects.toThrow();
  });

  test('twice, or before listening, is harmless', async () => {
    const { shaped } = await throughLink();
    await Promise.all([shaped.close(), shaped.close()]);
    const target = { host: '127.0.0.1', port: 1 };
    const never = { trace: constantTrace(1), traceOffsetMs: 0, rttMs: 0, target, clock: systemClock };
    await createShapedLink(never).close();
  });
});

test('what was carried is counted for both directions', async () => {
  const { client, server, shaped } = await throughLink({ trace: constantTrace(50) });
  const both = [received(server, 3000), received(client, 500)];
  client.write(Buffer.alloc(3000));
  server.write(Buffer.alloc(500));
  await Promise.all(both);
  expect(shaped.carriedBytes()).toBe(3500);
});
