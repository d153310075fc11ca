import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DeviceSpec, startFleet } from '../cli/start/fleet.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { environment } from './testing/environment.ts';
import { createExpectedLabels, wronglyLabelled } from './testing/expected-labels.ts';
import { createResultLog } from './testing/result-log.ts';
import { startTestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const frames = 250;
/** Slow and fast processors behind slow and fast links: what is best for one is not for another. */
const devices: DeviceSpec[] = [
  [2, 1],
  [10, 2],
  [20, 8],
  [40, 50],
].map(([processorFactor = 1, mbps = 1], index) => ({
  id: `device-${index + 1}`,
  processorFactor,
  link: { mbps, traceScale: 1, traceOffsetMs: 0, rttMs: 4 },
}));

describe.skipIf(images === undefined)('a fleet that plans for itself', () => {
  const cleanup = cleanupAfterAll();

  test('gives every frame the label that evaluating the same image, exit, partition and encoding gives', async () => {
    const platform = await startTestPlatform({ cleanup });
    const log = createResultLog();
    const fleet = await startFleet({
      platform,
      devices,
      stateFolder: join(platform.stateFolder, 'devices'),
      source: images ?? '',
      framesPerSecond: 10,
      maxFrames: Math.ceil(frames / devices.length),
      logLevel: 'fatal',
      inherited: environment,
      onResult: log.record,
      log: platform.log,
    });
    cleanup.add(fleet.stop);
    fleet.begin();
    const planned = (all: typeof log.results) => all.filter(({ fallback }) => fallback === null);
    await log.until('frames that were finished by their plan', 40_000, (all) => planned(all).length > 200);
    await cleanup.now();
    expect(await wronglyLabelled(log.results, createExpectedLabels('branchy-alexnet-32', images ?? '', 1000))).toEqual(
      [],
    );
    const byPlan = planned(log.results);
    expect(new Set(byPlan.map(({ device }) => device)).size).toBe(devices.length);
    expect(byPlan.some(({ finishedOn }) => finishedOn === 'device')).toBe(true);
    expect(byPlan.some(({ finishedOn }) => finishedOn === 'worker')).toBe(true);
    for (const { exit, partition, encoding, finishedOn, plan } of byPlan) {
      expect({ exit, partition, encoding }).toEqual({
        exit: plan.exit,
        partition: plan.partition,
        encoding: plan.encoding,
      });
      expect(finishedOn === 'worker' || encoding === 'f32').toBe(true);
    }
  });
});
