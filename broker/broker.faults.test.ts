import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  exchangeTimes,
  giantDeclarations,
  halfOpenCrowd,
  idleCrowd,
  returningCrowd,
  startDeviceBroker,
} from './testing/crowds.ts';
import { filterAttacks, takeovers } from './testing/filter-attacks.ts';
import { frozenSubscriber, offlineFlood, publishFlood, retainedFlood } from './testing/floods.ts';
import { goodputAt, lossNeeds } from './testing/lossy-loopback.ts';
import { attackWithMutations } from './testing/mutated-packets.ts';
import { connectPacket } from './testing/packets.ts';
import { deviceToken } from './testing/test-broker.ts';
import { oneByteSlices, resetsInMidPacket, slowWorker, thinDownlink, thinUplink } from './testing/thin-links.ts';
import { allowedByBroker, allowedByModel, topicCase } from './testing/topic-cases.ts';

/** What each test measured stands in the report of the run. */
type Annotate = (message: string) => unknown;
const figures = (annotate: Annotate, measured: object): void => void annotate(JSON.stringify(measured));

test('fault 5: with a frozen subscriber the broker stays below 150 MiB, and the p99 of others below twice', async ({
  annotate,
}) => {
  const outcome = await frozenSubscriber(6000);
  figures(annotate, outcome);
  expect(outcome.peakMiB).toBeLessThan(150);
  expect(outcome.p99DuringMs).toBeLessThan(2 * outcome.p99BeforeMs);
});

test('fault 6: a worker that runs a fifth of the time is not cut in a minute', async ({ annotate }) => {
  const outcome = await slowWorker(60_000);
  figures(annotate, outcome);
  expect(outcome.cuts).toBe(0);
  expect(outcome.taken).toBeGreaterThan(500);
});

test('fault 9: over a link that loses 5 % and 20 % of its packets the data are right, at 5 % with half the goodput', async ({
  annotate,
  skip,
}) => {
  const missing = await lossNeeds();
  if (missing !== undefined) skip(missing);
  const clean = await goodputAt({ loss: 0, messages: 200, bytes: 65_536 });
  const some = await goodputAt({ loss: 0.05, messages: 200, bytes: 65_536 });
  const much = await goodputAt({ loss: 0.2, messages: 10, bytes: 65_536 });
  figures(annotate, { clean, some, much });
  expect([clean.right, some.right, much.right]).toEqual([true, true, true]);
  expect(some.mbps).toBeGreaterThan(0.5 * clean.mbps);
});

test.each([
  [125_000, 'over 1 Mbit/s'],
  [6250, 'over 50 kbit/s'],
])('fault 10: a tensor of 1 MiB at %i bytes a second (%s) arrives, up and down', async (bytesPerSecond) => {
  const link = { bytes: 1 << 20, bytesPerSecond, keepaliveSeconds: 10 };
  expect(await Promise.all([thinUplink(link), thinDownlink(link)])).toEqual([true, true]);
});

test('fault 12: of 500 tensors in slices of one byte all arrive, of 2,000 reset in mid-packet none', async () => {
  expect(await oneByteSlices(500)).toBe(500);
  expect(await resetsInMidPacket(2000)).toBe(0);
});

test('fault 13: 2,000 devices that come back at once are all in within 30 s', async ({ annotate }) => {
  const outcome = await returningCrowd(2000);
  figures(annotate, outcome);
  expect(outcome.refused).toBe(0);
  expect(outcome.lastMs).toBeLessThan(30_000);
});

test('fault 14: each of 10,000 idle connections takes at most 20 KiB, and the p99 of another is below 300 ms', async ({
  annotate,
}) => {
  const outcome = await idleCrowd(10_000);
  figures(annotate, outcome);
  expect(outcome.kibibytesEach).toBeLessThan(20);
  expect(outcome.p99Ms).toBeLessThan(300);
});

test('fault 15: 5,000 half-open sockets are closed within 10 s, and no device is refused', async ({ annotate }) => {
  const outcome = await halfOpenCrowd(5000);
  figures(annotate, outcome);
  expect(outcome.refused).toBe(0);
  expect(outcome.closedMs).toBeLessThan(10_000);
});

test('fault 16: 6,000 giant declared lengths cost less than 20 MiB', async ({ annotate }) => {
  const outcome = await giantDeclarations(3000);
  figures(annotate, outcome);
  expect(outcome.cut).toBe(6000);
  expect(outcome.grownMiB).toBeLessThan(20);
});

test('fault 17: 500,000 mutated packets do not end the process, and others are served', async () => {
  const broker = await startDeviceBroker();
  const hello = (lane: number): Buffer => {
    const id = `d${lane}`;
    return connectPacket({ clientId: id, username: id, password: deviceToken(id) });
  };
  await attackWithMutations({ count: 500_000, seed: 11, url: broker.mqttUrl, hello });
  expect(await exchangeTimes(broker, 100)).toHaveLength(100);
});

test('fault 19: 1,000 takeovers by another identity are refused, and the victim stays', async () => {
  expect(await takeovers(1000)).toEqual({ refused: 1000, victimServed: true });
});

test('fault 20: in 10,000 cases of role, topic and verb the broker allows what the table allows', async ({
  annotate,
}) => {
  const { mqttUrl } = await startDeviceBroker();
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(topicCase, async (one) => {
      const expected = allowedByModel(one);
      allowed += expected ? 1 : 0;
      expect(await allowedByBroker(mqttUrl, one)).toBe(expected);
    }),
    { numRuns: 10_000, seed: 20 },
  );
  figures(annotate, { allowed });
  expect(allowed).toBeGreaterThan(150);
});

test('fault 21: what no filter may be is refused, and the longest stall of another is below 50 ms', async ({
  annotate,
}) => {
  const outcome = await filterAttacks(100);
  figures(annotate, outcome);
  expect(outcome.granted).toBe(0);
  expect(outcome.longestMs).toBeLessThan(50);
});

test('fault 22: floods of offline, retained and other messages are bounded, and others are served fairly', async ({
  annotate,
}) => {
  const offline = await offlineFlood({ sessions: 10, messages: 400, bytes: 262_144 });
  const retained = await retainedFlood({ messages: 2000, bytes: 262_144, maxRetainedTotalBytes: 64 << 20 });
  const small = await publishFlood(1024, 10_000);
  const large = await publishFlood(65_536, 10_000);
  figures(annotate, { offline, retained, small, large });
  expect(offline.delivered + offline.dropped).toBe(4000);
  // What is kept, and what V8 has not yet given back.
  expect(offline.grownMiB).toBeLessThan(96);
  expect(retained.peakMiB).toBeLessThan(220);
  for (const { peakMiB } of [small, large]) expect(peakMiB).toBeLessThan(200);
});
