import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type BandwidthTrace, constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { median } from '../../shared/runtime/statistics.ts';
import { createLinkBench, received } from './testing/link-bench.ts';

const { throughLink, closeAll } = createLinkBench();
afterEach(closeAll);

/** Clocks are read to both sides of a system call: so much may a message seem too fast. */
const clockToleranceMs = 0.5;

/** Never faster than the link; the best within a few percent, the median within what a busy machine adds. */
function expectAbout(times: readonly number[], expectedMs: number): void {
  expect(Math.min(...times)).toBeGreaterThanOrEqual(expectedMs - clockToleranceMs);
  expect(Math.min(...times)).toBeLessThan(expectedMs * 1.03 + 4);
  expect(median(times)).toBeLessThan(expectedMs * 1.25 + 40);
}

async function timed(from: Socket, to: Socket, bytes: number): Promise<number> {
  const startMs = performance.now();
  const arrival = received(to, bytes);
  from.write(Buffer.alloc(bytes, 1));
  return (await arrival) - startMs;
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < times; i += 1) values.push(await measure());
  return values;
}

describe('a message', () => {
  for (const [bytes, mbps] of [
    [65_536, 4],
    [12_288, 1],
    [12_288, 10],
    [100, 1],
  ] as const) {
    const expectedMs = (bytes * 8) / (mbps * 1000);
    test(`of ${bytes} bytes at ${mbps} Mbit/s takes ${expectedMs.toFixed(1)} ms, never less`, async () => {
      const { client, server } = await throughLink({ trace: constantTrace(mbps) });
      const up = await repeat(5, () => timed(client, server, bytes));
      const down = await repeat(5, () => timed(server, client, bytes));
      for (const times of [up, down]) {
        expectAbout(times, expectedMs);
      }
    });
  }

  test('arrives as it was sent', async () => {
    const { client, server } = await throughLink({ trace: constantTrace(50), rttMs: 4 });
    const sent = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
    const parts: Buffer[] = [];
    server.on('data', (data: Buffer) => parts.push(data));
    const arrival = received(server, sent.length);
    client.write(sent);
    await arrival;
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
  });

  test('waits half of the rtt each way, besides its own time', async () => {
    const { client, server } = await throughLink({ rttMs: 60 });
    server.on('data', (data: Buffer) => server.write(data));
    const ownMs = 2 * ((50 * 8) / 4000);
    const times = await repeat(5, () => timed(client, client, 50));
    expectAbout(times, 60 + ownMs);
  });

  test('that is longer than what waits is not slowed down by a long rtt', async () => {
    const { client, server } = await throughLink({ trace: constantTrace(8), rttMs: 300 });
    const times = await repeat(3, () => timed(client, server, 262_144));
    expectAbout(times, 262.1 + 150);
  });
});

describe('the rate', () => {
  test('is shared by all connections of a link', async () => {
    const { client, server, dialAgain } = await throughLink();
    const second = await dialAgain();
    const rounds = await repeat(5, async () => {
      const both = [timed(client, server, 32_768), timed(second.client, second.server, 32_768)];
      return Math.max(...(await Promise.all(both)));
    });
    expectAbout(rounds, 131);
  });

  test('is each direction’s own', async () => {
    const { client, server } = await throughLink();
    const rounds = await repeat(5, async () => {
      const both = [timed(client, server, 32_768), timed(server, client, 32_768)];
      return Math.max(...(await Promise.all(both)));
    });
    expectAbout(rounds, 65.5);
  });

  test('is not saved up while nothing is sent', async () => {
    const { client, server } = await throughLink({ trace: constantTrace(1) });
    await timed(client, server, 100);
    await new Promise<void>((resolve) => systemClock.after(100, resolve));
    expect(await timed(client, server, 12_288)).toBeGreaterThanOrEqual(98.3 - clockToleranceMs);
  });

  test('changes at once to that of another trace, over the same connection', async () => {
    const { shaped, client, server } = await throughLink({ trace: constantTrace(100) });
    await timed(client, server, 12_288);
    shaped.follow(constantTrace(1));
    const slow = await repeat(3, () => timed(client, server, 12_288));
    shaped.follow(constantTrace(2));
    const faster = await repeat(3, () => timed(client, server, 12_288));
    expectAbout(slow, 98.3);
    expectAbout(faster, 49.2);
  });

  test('holds what was taken before it changed to the rate of then', async () => {
    const { shaped, client, server } = await throughLink({ trace: constantTrace(1) });
    const startMs = performance.now();
    const arrival = received(server, 12_288);
    client.write(Buffer.alloc(12_288));
    await new Promise<void>((resolve) => systemClock.after(20, resolve));
    shaped.follow(constantTrace(1000));
    expect((await arrival) - startMs).toBeGreaterThanOrEqual(98.3 - clockToleranceMs);
  });

  test('follows the trace from its offset: nothing passes where it is zero', async () => {
    const trace: BandwidthTrace = {
      name: 'gap',
      steps: [
        { startMs: 0, mbps: 100 },
        { startMs: 1000, mbps: 0 },
        { startMs: 1250, mbps: 10 },
      ],
      durationMs: 100_000,
    };
    const startMs = performance.now();
    const { client, server } = await throughLink({ trace, traceOffsetMs: 1000 });
    const arrival = received(server, 12_500);
    client.write(Buffer.alloc(12_500));
    const tookMs = (await arrival) - startMs;
    expect(tookMs).toBeGreaterThanOrEqual(260 - clockToleranceMs);
    expect(tookMs).toBeLessThan(500);
  });
});
