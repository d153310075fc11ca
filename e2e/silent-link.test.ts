import { describe, expect, test } from 'vitest';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { startRelay } from './testing/relay.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const deadlineMs = 400;

describe.skipIf(images === undefined)('a link that falls silent without closing', () => {
  const cleanup = cleanupAfterAll();

  test('makes frames fall back on time, then run on the device; offloading resumes when it comes back', async () => {
    const platform = await startTestPlatform({ cleanup, deadlineMs });
    const relay = await startRelay(platform.brokerUrl);
    cleanup.add(relay.close);
    const device = await startTestDevice({
      cleanup,
      platform,
      id: 'remote',
      // So slow that offloading is the better plan.
      config: { brokerUrl: relay.url, source: images ?? '', framesPerSecond: 10, processorFactor: 50 },
    });
    const onWorker = ({ finishedOn }: LoggedResult) => finishedOn === 'worker';
    await device.until('ten frames on the worker', 30_000, (results) => results.filter(onWorker).length >= 10);

    relay.silence();
    const silentFrom = device.results.length;
    const silent = () => device.results.slice(silentFrom);
    await device.next('a frame that fell back', 10_000, ({ fallback }) => fallback === 'timeout');
    await device.next('a frame planned for the device', 10_000, ({ plan, fallback, finishedOn }) => {
      return fallback === null && finishedOn === 'device' && plan.partition > 0;
    });
    // Long enough for questions to the worker to pile up on the way.
    await device.until('fifty frames in the silence', 20_000, () => silent().length >= 50);
    // At most one reply was on its way already; a few frames in a row tell that the worker is out of reach.
    expect(silent().filter(onWorker).length).toBeLessThanOrEqual(1);
    expect(silent().filter(({ fallback }) => fallback === 'timeout').length).toBeLessThanOrEqual(4);
    const rescuable = silent().filter(({ rescue }) => deadlineMs >= 1.5 * rescue.p99Ms);
    expect(rescuable.length).toBeGreaterThan(0);
    expect(rescuable.filter(({ met }) => !met)).toEqual([]);

    relay.restore();
    await device.next('a frame on the worker again', 10_000, onWorker);
    const backFrom = device.results.length;
    await device.until('ten frames after that', 10_000, (results) => results.length >= backFrom + 10);
    expect(device.results.slice(backFrom).filter(onWorker).length).toBeGreaterThanOrEqual(8);
  });
});
