import { join } from 'node:path';
import { Type } from 'typebox';
import { beforeAll, describe, expect, test } from 'vitest';
import { askFor, changePolicy } from '../cli/platform/admin-client.ts';
import { type DeviceSpec, startFleet } from '../cli/start/fleet.ts';
import { reportRun } from '../cli/start/report.ts';
import type { FrameFailure } from '../shared/protocol/frame-result.ts';
import { createParser, type Parser } from '../shared/runtime/schema.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { configurationOf } from './testing/device-configuration.ts';
import { environment } from './testing/environment.ts';
import { startRelay } from './testing/relay.ts';
import { createResultLog, type LoggedResult } from './testing/result-log.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';
import { startTestWorker } from './testing/test-worker.ts';

const images = dataFile('cifar10', 'test-1000.bin');
/** So slow that all of them offload. */
const devices: DeviceSpec[] = [1, 2, 3, 4, 5, 6].map((number) => ({
  id: `device-${number}`,
  processorFactor: 50,
  link: { mbps: 20, traceScale: 1, traceOffsetMs: 0, rttMs: 10 },
}));
/** For so long a device counts as a newcomer where it is first placed, ms. */
const newcomerMs = 10_000;

/** Short enough to watch; what counts as overload is beyond what a busy machine makes of it. */
const placement = {
  placementSettleMs: 4000,
  placementIntervalMs: 2000,
  placementRestMs: 3000,
  overloadUtilisation: 1,
  overloadQueueMs: 10_000,
  overloadRefusedShare: 1,
};
const keepaliveMs = 10_000;
/** The margin is what other processes on the machine may take: frames are late by a worker's doing, or not at all. */
const policy = { deadlineMs: 2000, marginMs: 1200 };

const Nullable = Type.Union([Type.Null(), Type.String()]);
const deviceParser = createParser(
  Type.Object({
    id: Type.String(),
    placement: Type.Object({ worker: Nullable, since: Nullable, reason: Nullable, from: Nullable }),
  }),
  'http-answer-unexpected',
  'device',
);
const workerParser = createParser(
  Type.Object({
    presence: Type.Object({ online: Type.Boolean(), at: Nullable }),
    placement: Type.Object({
      availability: Type.String(),
      availableSince: Nullable,
      devices: Type.Integer(),
      capacity: Type.Number(),
    }),
  }),
  'http-answer-unexpected',
  'worker',
);

describe.skipIf(images === undefined)('a fleet with two workers', () => {
  const cleanup = cleanupAfterAll();
  const log = createResultLog();
  const failures: FrameFailure[] = [];
  let platform: TestPlatform;

  const get = <T>(path: string, parser: Parser<T>): Promise<T> => {
    const headers = { authorization: `Bearer ${platform.adminToken}` };
    return askFor(`${platform.httpUrl}/api/v1/${path}`, { headers }, parser);
  };
  const worker = (id: string) => get(`workers/${id}`, workerParser);
  const placements = async () => {
    const all = await Promise.all(devices.map(({ id }) => get(`devices/${id}`, deviceParser)));
    return all.map(({ id, placement: where }) => ({ id, ...where }));
  };
  const haveSettled = async () =>
    (await placements()).every(({ since }) => Date.now() - Date.parse(since ?? '') > newcomerMs);
  const at = async (id: string) => (await placements()).filter((where) => where.worker === id);
  const onWorker = ({ finishedOn }: LoggedResult): boolean => finishedOn === 'worker';

  /** Resolves when each device has had a frame finished on a worker under the configuration that it is to run. */
  async function allOffload(): Promise<void> {
    const wanted = await Promise.all(devices.map(async ({ id }) => ({ id, ...(await configurationOf(platform, id)) })));
    const from = log.results.length;
    await log.until('every device offloads to where it is placed', 30_000, (results) => {
      const recent = results.slice(from).filter(onWorker);
      return wanted.every(({ id, version }) =>
        recent.some((result) => result.device === id && result.configurationVersion >= version),
      );
    });
  }

  function expectAllInTime(results: readonly LoggedResult[]): string {
    const about = { model: '', durationS: 0, devices: devices.length, emulation: { links: '', processors: '' } };
    const { frames, missed, failed, skipped, rescuable, fallbackReasons } = reportRun({ results, failures }, about);
    const late = results.filter(({ met }) => !met).map((result) => JSON.stringify(result));
    const figures = [
      `${frames} frames, ${missed} missed, ${failed} failed, ${skipped} slots skipped`,
      `of ${rescuable.frames} rescuable ${rescuable.missed} missed, fallbacks ${JSON.stringify(fallbackReasons)}`,
      ...late,
    ].join('; ');
    expect(failed, figures).toBe(0);
    expect(rescuable.frames, figures).toBeGreaterThan(0.9 * frames);
    expect(rescuable.missed / rescuable.frames, figures).toBeLessThanOrEqual(0.001);
    return figures;
  }

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, workers: 2, placement });
    await changePolicy(platform.httpUrl, platform.adminToken, policy);
    const fleet = await startFleet({
      platform,
      devices,
      stateFolder: join(platform.stateFolder, 'devices'),
      source: images ?? '',
      framesPerSecond: 4,
      logLevel: 'fatal',
      inherited: environment,
      onResult: log.record,
      onFailure: (failure) => void failures.push(failure),
      log: platform.log,
    });
    cleanup.add(fleet.stop);
    fleet.begin();
    await allOffload();
  });

  test('shares the devices out, and says of each why it is where it is', async () => {
    const all = await placements();
    for (const id of ['worker-1', 'worker-2']) {
      const { availability, devices: placed, capacity } = (await worker(id)).placement;
      // The device that measured the profile is still known, and has a place of its own.
      expect(placed).toBeGreaterThanOrEqual(3);
      expect(all.filter((where) => where.worker === id).length).toBeGreaterThanOrEqual(2);
      expect(availability).toBe('available');
      expect(capacity).toBeGreaterThan(1);
    }
    expect(all.every(({ reason, since }) => reason !== null && since !== null)).toBe(true);
  });

  test('fault 3: answers every frame in time when a worker is killed, goes on at the other, and slowly comes back', async ({
    annotate,
  }) => {
    // Devices that have hardly begun where they are may move at once: this is about those that have settled.
    await expect.poll(haveSettled, { timeout: 30_000, interval: 200 }).toBe(true);
    const from = log.results.length;
    const own = (await at('worker-1')).map(({ id }) => id);
    const pid = platform.process('worker-1')?.pid();
    if (pid === undefined) throw new Error('worker-1 does not run');
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await at('worker-2')).length, { timeout: 10_000, interval: 20 }).toBe(6);
    const moved = (await placements()).filter(({ id }) => own.includes(id));
    expect(moved.every((where) => where.reason === 'worker-gone' && where.from === 'worker-1')).toBe(true);
    await allOffload();

    const isBack = async () => (await worker('worker-1')).placement.availability;
    await expect.poll(isBack, { timeout: 20_000, interval: 50 }).toBe('available');
    // Its share is 3, less the tolerance of a fifth 2.
    await expect.poll(async () => (await at('worker-1')).length, { timeout: 60_000, interval: 100 }).toBe(2);
    const returned = await at('worker-1');
    expect(returned.every(({ reason }) => reason === 'fair-share')).toBe(true);
    const backMs = Date.parse((await worker('worker-1')).placement.availableSince ?? '');
    const [first = 0, second = 0] = returned.map(({ since }) => Date.parse(since ?? '')).sort((a, b) => a - b);
    expect(first - backMs).toBeGreaterThanOrEqual(placement.placementSettleMs);
    expect(second - first).toBeGreaterThanOrEqual(placement.placementIntervalMs);
    await allOffload();
    await annotate(expectAllInTime(log.results.slice(from)));
  });

  test('answers every frame in time when a worker is asked to stop, and goes on at the other', async ({ annotate }) => {
    const from = log.results.length;
    const own = (await at('worker-2')).map(({ id }) => id);
    expect(own.length).toBeGreaterThan(0);
    await platform.process('worker-2')?.stop();
    await expect.poll(async () => (await at('worker-1')).length, { timeout: 10_000, interval: 20 }).toBe(6);
    const moved = (await placements()).filter(({ id }) => own.includes(id));
    expect(moved.every((where) => where.reason === 'worker-left' && where.from === 'worker-2')).toBe(true);
    await allOffload();
    await annotate(expectAllInTime(log.results.slice(from)));
  });

  test('fault 7: a worker behind a link that goes silent is noticed within 1.5 keepalives, loses its devices, and is back', async ({
    annotate,
  }) => {
    const relay = await startRelay(platform.brokerUrl);
    cleanup.add(relay.close);
    const remote = { ...platform, brokerUrl: relay.url };
    await startTestWorker({ cleanup, platform: remote, id: 'remote', processorFactor: 1, factorNow: () => 1 });
    await expect.poll(async () => (await at('remote')).length, { timeout: 60_000, interval: 100 }).toBeGreaterThan(0);
    const from = log.results.length;
    const silentMs = performance.now();
    relay.silence();
    await expect.poll(async () => (await at('remote')).length, { timeout: 30_000, interval: 50 }).toBe(0);
    const noticedMs = performance.now() - silentMs;
    // The last packet may have come just before the silence; the broker looks five times a second.
    expect(noticedMs).toBeLessThanOrEqual(1.5 * keepaliveMs + 2000);
    await allOffload();
    relay.restore();
    const isBack = async () => (await worker('remote')).placement.availability;
    await expect.poll(isBack, { timeout: 20_000, interval: 50 }).toBe('available');
    await expect.poll(async () => (await at('remote')).length, { timeout: 60_000, interval: 100 }).toBeGreaterThan(0);
    await allOffload();
    await annotate(`noticed after ${Math.round(noticedMs)} ms; ${expectAllInTime(log.results.slice(from))}`);
  });
});
