import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { changePolicy, untilConfigured } from '../cli/platform/admin-client.ts';
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
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice, type TestDevice } from './testing/test-device.ts';
import { startTestLink } from './testing/test-link.ts';
import { startTestPlatform } from './testing/test-platform.ts';
import { startTestWorker } from './testing/test-worker.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const model = 'branchy-alexnet-32';
const id = 'camera';
/** The worker takes some 40 ms for the deepest exit and the device 170 ms; slowed, the worker takes 400 ms. */
const workerFactor = 20;
const deviceFactor = 90;
const deadlineMs = 320;
const slowedBy = 10;
const framesEach = 105;
const withinFrames = 10;
const patienceMs = 400_000;
/** A class of workers is profiled, and then two hundred frames take a minute and a half. */
const runTimeoutMs = 400_000;
/** What device and test may be off by: of the worker's times, and of the link's rate. */
const factorsAround = [0.6, 0.8, 1, 1.2, 1.5];
const ratesAround = [0.7, 1, 1.4];

/** @returns the frame that was planned on the median of the rates */
function medianOf(results: readonly LoggedResult[]): LoggedResult {
  const rateOf = ({ assumed }: LoggedResult): number => assumed.uplinkMbps ?? 0;
  const middle = results.toSorted((a, b) => rateOf(a) - rateOf(b))[Math.floor(results.length / 2)];
  if (middle === undefined) throw new Error('no frame');
  return middle;
}

describe.skipIf(images === undefined)('a worker that is slowed in mid-run', () => {
  const cleanup = cleanupAfterAll();
  let shape: ModelShape;
  let configuration: DeviceConfiguration;
  let device: TestDevice;
  let results: readonly LoggedResult[];
  let slowedAt = 0;

  /** @returns what brute force over all plans finds where the worker takes so many times its profile's times */
  function optimum({ assumed, processorFactor }: LoggedResult, worker: number, rate: number): LoggedResult['plan'] {
    const { uplinkMbps, downlinkMbps } = assumed;
    if (uplinkMbps === null || downlinkMbps === null) throw new Error('no link is known');
    const here = {
      ...assumed,
      ...{ uplinkMbps: uplinkMbps * rate, downlinkMbps: downlinkMbps * rate, queueMs: 0, busyMs: 0 },
      correction: { device: assumed.correction?.device ?? 1, worker },
    };
    const best = bestByBruteForce({ model: shape, configuration, processorFactor, assumed: here });
    if (best === undefined) throw new Error('no plan');
    const { exit, partition, direction, encoding } = best;
    return { exit: shape.exits[exit - 1]?.name ?? '', partition, direction, encoding };
  }

  /** @returns the one optimum for all that may be, around a worker that takes so many times its profile's times */
  function robustOptimum(around: LoggedResult, worker: number): LoggedResult['plan'] {
    const found = factorsAround.flatMap((factor) => ratesAround.map((rate) => optimum(around, worker * factor, rate)));
    const [first] = found;
    if (first === undefined) throw new Error('no plan');
    expect(found).toEqual(found.map(() => first));
    return first;
  }

  beforeAll(async () => {
    let factor = workerFactor;
    const platform = await startTestPlatform({ cleanup, model, deadlineMs, workers: 0 });
    // Falling back ends so long before the deadline: a busy machine is not what is tested here.
    await changePolicy(platform.httpUrl, platform.adminToken, { marginMs: 30 });
    const { graph, manifest } = await readPackage(repositoryFile('models', model));
    shape = modelShape(describeModel(graph, await traceShapes(graph)), manifest);
    const link = await startTestLink({ cleanup, platform, mbps: 4, rttMs: 4 });
    const factorNow = (): number => factor;
    await startTestWorker({ cleanup, platform, id: 'slowed', processorFactor: workerFactor, factorNow });
    device = await startTestDevice({
      cleanup,
      platform,
      id,
      config: {
        brokerUrl: link.brokerUrl,
        source: images ?? '',
        // Slowed, the worker ends with a frame before the next one comes: it is slow, not busy.
        framesPerSecond: 2.2,
        processorFactor: deviceFactor,
      },
    });
    await untilConfigured(platform, [id], { timeoutMs: patienceMs, signal: new AbortController().signal });
    await device.next('a frame on the worker', patienceMs, ({ finishedOn, planned }) => {
      return finishedOn === 'worker' && planned === 'best';
    });
    configuration = await configurationOf(platform, id);
    const from = device.results.length;
    await device.until('the frames before, the last of them on the worker', patienceMs, (all) => {
      return all.length >= from + framesEach && all.slice(-5).every(({ finishedOn }) => finishedOn === 'worker');
    });
    factor = workerFactor * slowedBy;
    slowedAt = device.results.length - from;
    await device.until('the frames after', patienceMs, (all) => all.length >= from + slowedAt + framesEach);
    results = device.results.slice(from);
  }, runTimeoutMs);

  test('is offloaded to no longer within ten frames: the plan is what brute force finds for the slowed one', () => {
    const typical = medianOf(results.slice(0, slowedAt));
    const before = robustOptimum(typical, 1);
    const after = robustOptimum(typical, slowedBy);
    expect(after).not.toEqual(before);
    expect(results[slowedAt - 1]?.plan).toEqual(before);
    expect(results.slice(slowedAt, slowedAt + withinFrames).map(({ plan }) => plan)).toContainEqual(after);
    // It stays in use.
    const later = results.slice(slowedAt + withinFrames);
    const others = later.filter(({ plan }) => !isDeepStrictEqual(plan, after));
    expect(others.length).toBeLessThanOrEqual(0.05 * later.length);
  });

  test('costs at most 1 % of the deadlines', () => {
    expect(results.length).toBeGreaterThanOrEqual(200);
    const missed = results.filter(({ met }) => !met);
    expect(missed.length).toBeLessThanOrEqual(0.01 * results.length);
  });
});
