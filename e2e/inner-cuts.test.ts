import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { changePolicy, untilConfigured } from '../cli/platform/admin-client.ts';
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
const phaseMs = 10_000;
/**
 * Deadlines in turn, as multiples of what exit 1 takes on the slowest device: how fast this machine is decides what is
 * too deep or too far to send, and any one deadline has a single answer on some machines.
 */
const deadlineFactors = [1.4, 1.8, 2.4, 3.2];
const slowest = 50;
/** A share of the frames below which a plan does not count as one that is in use. */
const inUseShare = 0.05;

const devices: DeviceSpec[] = [20, slowest].map((processorFactor) => ({
  id: `device-${processorFactor}`,
  processorFactor,
  link: { traceFile: trace ?? '', traceScale: 0.2, traceOffsetMs: 0, rttMs: 4 },
}));

describe.skipIf(images === undefined || trace === undefined)('camera-sized frames on slow devices', () => {
  const cleanup = cleanupAfterAll();
  const log = createResultLog();
  /** By device and version. */
  const configurations = new Map<string, DeviceConfiguration>();
  let platform: TestPlatform;
  let shape: ModelShape;

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, model });
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
    const fastestMs = await exit1Ms();
    fleet.begin();
    for (const factor of deadlineFactors) {
      await changePolicy(platform.httpUrl, platform.adminToken, { deadlineMs: Math.round(factor * fastestMs) });
      await noteConfigurations();
      const endMs = performance.now() + phaseMs;
      await log.until('a phase', phaseMs + 30_000, (results) => (results.at(-1)?.atMs ?? 0) > endMs);
    }
  });

  /** @returns what exit 1 takes on the slowest device by its profile, ms */
  async function exit1Ms(): Promise<number> {
    await noteConfigurations();
    const { deviceProfile } = [...configurations.values()][0] ?? {};
    return slowest * (deviceProfile?.exits[0]?.head.at(-1)?.medianMs ?? Number.NaN);
  }

  /** Waits until the devices run what they are to run, and remembers what that is. */
  async function noteConfigurations(): Promise<void> {
    const ids = devices.map(({ id }) => id);
    await untilConfigured(platform, ids, { timeoutMs: 30_000, signal: new AbortController().signal });
    for (const id of ids) {
      const configuration = await configurationOf(platform, id);
      configurations.set(`${id}/${configuration.version}`, configuration);
    }
  }

  test('cuts inside the network, and at least two exits, are each in use for 5 % of the frames', () => {
    const inner = new Map<string, number>();
    const exits = new Map<string, number>();
    for (const { plan } of log.results) {
      const key = `${plan.exit} @${plan.partition} ${plan.encoding}`;
      if (plan.partition > 0 && plan.partition < lastPartition(plan)) inner.set(key, (inner.get(key) ?? 0) + 1);
      exits.set(plan.exit, (exits.get(plan.exit) ?? 0) + 1);
    }
    const atLeast = inUseShare * log.results.length;
    expect([...inner.values()].filter((frames) => frames >= atLeast).length).toBeGreaterThanOrEqual(1);
    expect([...exits.values()].filter((frames) => frames >= atLeast).length).toBeGreaterThanOrEqual(2);
  });

  test('every plan equals what brute force finds for the bandwidth that was assumed', () => {
    const configurationFor = ({ device, configurationVersion }: LoggedResult): DeviceConfiguration | undefined =>
      configurations.get(`${device}/${configurationVersion}`);
    const compared = log.results.filter(
      (result) => result.planned === 'best' && configurationFor(result) !== undefined,
    );
    expect(compared.length).toBeGreaterThan(0.8 * log.results.length);
    const different = compared.filter((result) => {
      const configuration = configurationFor(result);
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

  test('frames are answered in time, most of those that are planned for the worker by the worker', () => {
    const share = (part: readonly LoggedResult[], all: readonly LoggedResult[]): number => part.length / all.length;
    const met = log.results.filter((result) => result.met);
    expect(share(met, log.results)).toBeGreaterThan(0.9);
    const sent = log.results.filter(({ plan }) => plan.partition < lastPartition(plan));
    const finishedThere = sent.filter(({ finishedOn }) => finishedOn === 'worker');
    expect(share(finishedThere, sent)).toBeGreaterThan(0.5);
  });

  function lastPartition({ exit }: { exit: string }): number {
    return (shape.exits.find(({ name }) => name === exit)?.cuts.length ?? 0) - 1;
  }
});
