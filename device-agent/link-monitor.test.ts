import { describe, expect, test } from 'vitest';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { createLinkMonitor, type LinkMonitor, type RateSample } from './link-monitor.ts';
import { type Arrived, downloadMs, type RoundTrip } from './round-trip.ts';

const report: WorkerReport = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 0, totalUs: 0 };
const bytes = 10_000;
const chunkBytes = 16_000;

/** A reply of one small message, which tells nothing of the downlink. */
function smallReply(elapsedMs: number, told: Partial<WorkerReport> = {}): RoundTrip {
  const arrived = { bytes: 200, bytesAfterFirst: 0, firstAtMs: 0, lastAtMs: 0 };
  return { bytes, elapsedMs, report: { ...report, ...told }, arrived };
}

/** What has come after so many chunks on a downlink of this rate, the first one at `firstAtMs`. */
function arrivedChunks(count: number, downlinkMbps: number, firstAtMs: number): Arrived {
  const bytesAfterFirst = (count - 1) * chunkBytes;
  const lastAtMs = firstAtMs + millisecondsOf(bytesAfterFirst, downlinkMbps);
  return { bytes: count * chunkBytes, bytesAfterFirst, firstAtMs, lastAtMs };
}

function millisecondsOf(size: number, mbps: number): number {
  return (size * 8) / (mbps * 1000);
}

/** A request up and a reply of four chunks down, on a link without rtt; the clock moves on with it. */
function exchange(clock: FakeClock, monitor: LinkMonitor, { up, down }: { up: number; down: number }): void {
  const upMs = millisecondsOf(bytes, up);
  const firstAtMs = clock.nowMs() + upMs + millisecondsOf(chunkBytes, down);
  const arrived = arrivedChunks(4, down, firstAtMs);
  const elapsedMs = arrived.lastAtMs - clock.nowMs();
  clock.advance(elapsedMs);
  monitor.observe('passive', { bytes, elapsedMs, report, arrived });
}

function monitorWithoutRtt(clock: FakeClock): LinkMonitor {
  const monitor = createLinkMonitor(clock);
  monitor.observeRtt({ elapsedMs: 0, report });
  return monitor;
}

test('what was sent before the link was given up says nothing of the one that came back', () => {
  const clock = createFakeClock();
  const monitor = createLinkMonitor(clock);
  clock.advance(5000);
  monitor.reset();
  monitor.observeRtt({ elapsedMs: 0, report });
  clock.advance(10);
  // Sent at 5000, after the reset: 10,000 bytes in 10 ms are 8 Mbit/s.
  expect(monitor.observe('passive', smallReply(10))).toBeCloseTo(8, 6);
  // Sent at 2010, answered now.
  expect(monitor.observe('passive', smallReply(3000))).toBeUndefined();
  monitor.observeMissing(bytes, 3000, undefined);
  monitor.observeRtt({ elapsedMs: 3000, report });
  expect(monitor.link()?.uplinkMbps).toBeCloseTo(8, 6);
  expect(monitor.link()?.rttMs).toBe(0);
  expect(monitor.drain()).toHaveLength(1);
});

test('the queue that a worker tells of fades without news', () => {
  const clock = createFakeClock();
  const monitor = createLinkMonitor(clock);
  clock.advance(100);
  monitor.observe('passive', smallReply(100, { queueUs: 10_000, totalUs: 20_000 }));
  const told = monitor.queueMs();
  expect(told).toBeGreaterThan(0);
  clock.advance(2000);
  expect(monitor.queueMs()).toBeCloseTo(told / 2, 9);
});

describe('the downlink', () => {
  test.each([
    { up: 8, down: 0.5 },
    { up: 0.5, down: 8 },
    { up: 2, down: 2 },
  ])('of $down Mbit/s is told apart from an uplink of $up Mbit/s by the spread of a large reply', ({ up, down }) => {
    const clock = createFakeClock();
    const monitor = monitorWithoutRtt(clock);
    exchange(clock, monitor, { up, down });
    expect(monitor.link()?.uplinkMbps).toBeCloseTo(up, 6);
    expect(monitor.link()?.downlinkMbps).toBeCloseTo(down, 6);
    expect(monitor.drain().map(({ uplinkMbps }) => uplinkMbps)).toEqual([expect.closeTo(up, 6)]);
  });

  test('counts as fast as the uplink before a large reply came, and again when none came for long', () => {
    const clock = createFakeClock();
    const monitor = monitorWithoutRtt(clock);
    expect(monitor.link()).toBeUndefined();
    expect(monitor.downlinkAgeMs()).toBe(Number.POSITIVE_INFINITY);
    clock.advance(10);
    monitor.observe('passive', smallReply(10));
    expect(monitor.link()?.downlinkMbps).toBe(monitor.link()?.uplinkMbps);
    exchange(clock, monitor, { up: 8, down: 1 });
    expect(monitor.downlinkAgeMs()).toBe(0);
    clock.advance(20_000);
    monitor.observe('passive', smallReply(10));
    expect(monitor.ageMs()).toBe(0);
    expect(monitor.downlinkAgeMs()).toBe(20_000);
    expect(monitor.link()?.downlinkMbps).toBeCloseTo(1, 6);
    clock.advance(10_001);
    expect(monitor.link()?.downlinkMbps).toBe(monitor.link()?.uplinkMbps);
  });

  test('is forgotten with the link', () => {
    const clock = createFakeClock();
    const monitor = monitorWithoutRtt(clock);
    exchange(clock, monitor, { up: 8, down: 1 });
    monitor.reset();
    clock.advance(10);
    monitor.observe('passive', smallReply(10));
    expect(monitor.link()?.downlinkMbps).toBe(monitor.link()?.uplinkMbps);
  });

  test('and not the uplink is blamed for a reply of which only a part has come', () => {
    const clock = createFakeClock();
    const monitor = monitorWithoutRtt(clock);
    exchange(clock, monitor, { up: 8, down: 8 });
    const firstAtMs = clock.nowMs() + 100;
    clock.advance(356);
    // One chunk of 16,000 bytes, and no second one within 256 ms: 0.5 Mbit/s at most.
    monitor.observeMissing(bytes, 356, arrivedChunks(1, 8, firstAtMs));
    expect(monitor.link()?.uplinkMbps).toBeCloseTo(8, 6);
    expect(monitor.link()?.downlinkMbps).toBeLessThan(1);
  });
});

test('a reply that came in chunks took as long for the first byte as for the last', () => {
  expect(downloadMs(arrivedChunks(4, 1, 50))).toBeCloseTo(millisecondsOf(4 * chunkBytes, 1), 9);
  expect(downloadMs(arrivedChunks(1, 1, 50))).toBe(0);
});

test.each([100, 1000, 4000])('a queue is known within 5 %% after ten frames that come every %s ms', (gapMs) => {
  const clock = createFakeClock();
  const monitor = createLinkMonitor(clock);
  for (let frame = 0; frame < 10; frame += 1) {
    clock.advance(gapMs);
    monitor.observe('passive', smallReply(100, { queueUs: 20_000, totalUs: 30_000 }));
  }
  expect(monitor.queueMs()).toBeGreaterThan(19);
  expect(monitor.queueMs()).toBeLessThanOrEqual(20);
});

test('every sample of the uplink is told as it comes, of a missing reply the rate that it is below', () => {
  const clock = createFakeClock();
  const told: RateSample[] = [];
  const monitor = createLinkMonitor(clock, (sample) => void told.push(sample));
  clock.advance(5000);
  monitor.observeRtt({ elapsedMs: 0, report });
  monitor.observe('passive', smallReply(10));
  monitor.observe('probe', smallReply(20));
  monitor.observeMissing(bytes, 100, undefined);
  // It says no more than that the link is slower than 80 Mbit/s, which is known.
  monitor.observeMissing(bytes, 1, undefined);
  // The downlink kept this one back.
  monitor.observeMissing(bytes, 1000, arrivedChunks(1, 8, 4500));
  expect(told).toEqual([
    { mbps: expect.closeTo(8, 9), bytes, isMissing: false },
    { mbps: expect.closeTo(4, 9), bytes, isMissing: false },
    { mbps: expect.closeTo(0.8, 9), bytes, isMissing: true },
  ]);
});

test('a transfer that shared the link tells nothing of the rtt and little of the rate, but of the queue it does', () => {
  const clock = createFakeClock();
  const told: RateSample[] = [];
  const monitor = createLinkMonitor(clock, (sample) => void told.push(sample));
  monitor.observeRtt({ elapsedMs: 2, report });
  clock.advance(1000);
  monitor.observe('passive', smallReply(12));
  const before = monitor.link();
  monitor.observeRtt({ elapsedMs: 500, report, othersBytes: 1 });
  const shared = { ...smallReply(70, { queueUs: 40_000, totalUs: 50_000 }), othersBytes: 3 * bytes };
  expect(monitor.observe('passive', shared)).toBeUndefined();
  expect(monitor.link()).toEqual(before);
  expect(monitor.queueMs()).toBeGreaterThan(0);
  expect([told.length, monitor.drain().length]).toEqual([1, 1]);
});
