import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type DeviceSpec, startFleet } from '../cli/start/fleet.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { modelShape } from '../shared/planner/model-shape.ts';
import type { ModelShape } from '../shared/planner/plan.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { bestByBruteForce } from './testing/brute-force.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { configurationOf } from './testing/device-configuration.ts';
import { environment } from './testing/environment.ts';
import { createResultLog, type LoggedResult } from './testing/result-log.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const trace = dataFile('lte-belgium', 'report_bus_0001.log');
const model = 'branchy-alexnet-128';
const runMs = 40_000;
const deadlineMs = 90;
/** A share of the frames below which a plan does not count as one that is in use. */
const inUseShare = 0.05;

const devices: DeviceSpec[] = [20, 50].map((processorFactor) => ({
  id: `device-${processorFactor}`,
  processorFactor,
  link: { traceFile: trace ?? '', traceScale: 0.2, traceOffsetMs: 0, rttMs: 4 },
}));

describe.skipIf(images === undefined || trace === undefined)('camera-sized frames on slow devices', () => {
  const cleanup = cleanupAfterAll();
  const log = createResultLog();
  const configurations = new Map<string, DeviceConfiguration>();
  let platform: TestPlatform;
  let shape: ModelShape;

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, model, deadlineMs });
    const { graph, manifest } = await readPackage(repositoryFile('models', model));
    shape = modelShape(describeModel(graph, await traceShapes(graph)), manifest);
    const fleet = await startFleet({
      platform,
      devices,
      stateFolder: join(platform.stateFolder, 'devices'),
      source: images ?? '',
      framesPerSecond: 8,
      logLevel: 'fatal',
      inherited: environment,
      onResult: log.record,
      log: platform.log,
    });
    cleanup.add(fleet.stop);
    fleet.begin();
    const endMs = performance.now() + runMs;
    await log.until('the run', runMs + 30_000, (results) => (results.at(-1)?.atMs ?? 0) > endMs);
    for (const { id } of devices) configurations.set(id, await configurationOf(platform, id));
  });

  const shareOf = (holds: (result: LoggedResult) => boolean): number =>
    log.results.filter(holds).length / log.results.length;

  test('cuts inside the network, and at least two exits, are each in use for 5 % of the frames', () => {
    const inner = new Map<string, number>();
    const exits = new Map<string, number>();
    for (const { plan } of log.results) {
      const last = (shape.exits.find(({ name }) => name === plan.exit)?.cuts.length ?? 0) - 1;
      const key = `${plan.exit} @${plan.partition} ${plan.encoding}`;
      if (plan.partition > 0 && plan.partition < last) inner.set(key, (inner.get(key) ?? 0) + 1);
      exits.set(plan.exit, (exits.get(plan.exit) ?? 0) + 1);
    }
    const atLeast = inUseShare * log.results.length;
    expect([...inner.values()].filter((frames) => frames >= atLeast).length).toBeGreaterThanOrEqual(1);
    expect([...exits.values()].filter((frames) => frames >= atLeast).length).toBeGreaterThanOrEqual(2);
  });

  test('every plan equals what brute force finds for the bandwidth that was assumed', () => {
    const compared = log.results.filter(
      ({ planned, configurationVersion, device }) =>
        planned === 'best' && configurationVersion === configurations.get(device)?.version,
    );
    expect(compared.length).toBeGreaterThan(0.8 * log.results.length);
    const different = compared.filter((result) => {
      const configuration = configurations.get(result.device);
      if (configuration === undefined) return true;
      const best = bestByBruteForce({ ...result, model: shape, configuration });
      const same =
        best !== undefined &&
        shape.exits[best.exit - 1]?.name === result.plan.exit &&
        best.partition === result.plan.partition &&
        best.encoding === result.plan.encoding;
      // Times are told to the microsecond: a tie within that is no difference.
      return !same && Math.abs((best?.totalMs ?? 0) - result.assumed.totalMs) > 0.002;
    });
    expect(different).toEqual([]);
  });

  test('frames are answered in time, most of them on the worker', () => {
    expect(shareOf(({ met }) => met)).toBeGreaterThan(0.9);
    expect(shareOf(({ finishedOn }) => finishedOn === 'worker')).toBeGreaterThan(0.3);
  });
});
