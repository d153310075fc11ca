import { expect, test } from 'vitest';
import { giantDeclarations, halfOpenCrowd, idleCrowd, returningCrowd } from './testing/crowds.ts';
import { filterAttacks, takeovers } from './testing/filter-attacks.ts';
import { frozenSubscriber, offlineFlood, publishFlood, retainedFlood } from './testing/floods.ts';
import { oneByteSlices, resetsInMidPacket, slowWorker, thinDownlink, thinUplink } from './testing/thin-links.ts';

// Each against a broker process, in small. Times are bounded loosely: other tests run beside these.

test('fault 5: a frozen subscriber holds up no other topic, and costs bounded memory', async () => {
  const { counts, peakMiB, p99BeforeMs, p99DuringMs } = await frozenSubscriber(200);
  expect(counts.messagesDropped).toBeGreaterThan(100);
  expect(peakMiB).toBeLessThan(150);
  expect(p99DuringMs).toBeLessThan(Math.max(10 * p99BeforeMs, 1000));
}, 120_000);

test('fault 6: a worker that runs a fifth of the time is not cut', async () => {
  const { taken, cuts } = await slowWorker(4000);
  expect(cuts).toBe(0);
  expect(taken).toBeGreaterThan(20);
}, 120_000);

test('fault 10: a tensor that takes longer than the keepalive over a thin link arrives, up and down', async () => {
  const link = { bytes: 16_384, bytesPerSecond: 6250, keepaliveSeconds: 1 };
  expect(await Promise.all([thinUplink(link), thinDownlink(link)])).toEqual([true, true]);
}, 120_000);

test('fault 12: tensors in slices of one byte arrive as they were, those reset in mid-packet not at all', async () => {
  expect(await oneByteSlices(10)).toBe(10);
  expect(await resetsInMidPacket(50)).toBe(0);
}, 120_000);

test('fault 13: devices that were all cut at once are all let in again', async () => {
  const { lastMs, refused } = await returningCrowd(200);
  expect(refused).toBe(0);
  expect(lastMs).toBeLessThan(30_000);
}, 120_000);

test('fault 14: idle connections cost little, and the service goes on', async () => {
  const { kibibytesEach, p99Ms } = await idleCrowd(1000);
  // So few share what the broker's heap grows by anyway.
  expect(kibibytesEach).toBeLessThan(40);
  expect(p99Ms).toBeLessThan(1000);
}, 120_000);

test('fault 15: half-open sockets are closed in time, and devices still enter', async () => {
  const { closedMs, refused, entered } = await halfOpenCrowd(300);
  expect(refused).toBe(0);
  expect(entered).toBeGreaterThan(5);
  expect(closedMs).toBeLessThan(15_000);
}, 120_000);

test('fault 16: giant declared lengths cost the process no memory', async () => {
  const { grownMiB, cut } = await giantDeclarations(50);
  expect(cut).toBe(100);
  expect(grownMiB).toBeLessThan(20);
}, 120_000);

test('fault 19: whoever takes the client id of another identity is refused, and the victim stays', async () => {
  expect(await takeovers(30)).toEqual({ refused: 30, victimServed: true });
}, 120_000);

test('fault 21: $SYS, wildcards, $share, NUL and very many filters are refused, and others are served meanwhile', async () => {
  const { granted, longestMs } = await filterAttacks(2);
  expect(granted).toBe(0);
  expect(longestMs).toBeLessThan(2000);
}, 120_000);

test('fault 22: what waits for sessions that are away is bounded, and what is lost is counted', async () => {
  const { grownMiB, dropped, delivered } = await offlineFlood({ sessions: 3, messages: 150, bytes: 262_144 });
  expect(delivered + dropped).toBe(450);
  expect(dropped).toBeGreaterThan(0);
  expect(delivered).toBeGreaterThan(150);
  expect(grownMiB).toBeLessThan(96);
}, 120_000);

test('fault 22: a flood of retained messages is bounded', async () => {
  const retained = await retainedFlood({ messages: 60, bytes: 262_144, maxRetainedTotalBytes: 8 << 20 });
  expect(retained.refused).toBe(60 - 31);
  expect(retained.peakMiB).toBeLessThan(200);
}, 120_000);

test('fault 22: who publishes all it can takes little memory, and others are served meanwhile', async () => {
  const { peakMiB, p99BeforeMs, p99DuringMs } = await publishFlood(1024, 1000);
  expect(peakMiB).toBeLessThan(200);
  expect(p99DuringMs).toBeLessThan(Math.max(20 * p99BeforeMs, 5000));
}, 120_000);
