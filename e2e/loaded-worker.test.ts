import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { changePolicy, untilConfigured } from '../cli/platform/admin-client.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { modelShape } from '../shared/planner/model-shape.ts';
import type { ModelShape } from '../shared/planner/plan.ts';
import type { DeviceConfiguration, Policy } from '../shared/protocol/messages.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { bestByBruteForce } from './testing/brute-force.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { configurationOf } from './testing/device-configuration.ts';
import { encodePng } from './testing/png.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { connectSocketClient, type SocketClient } from './testing/socket-client.ts';
import { startTestDevice, type TestDevice } from './testing/test-device.ts';
import { startTestLink } from './testing/test-link.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';
import { startTestWorker } from './testing/test-worker.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const model = 'branchy-alexnet-32';
const id = 'camera';
/** Emulated, which costs no processor time: the worker's one thread is slow, and a busy machine hardly shows beside it. */
const workerFactor = 75;
/** The deepest exit takes a device longer than the deadline, and the first one, half as long, does not. */
const deviceFactor = 2.6 * workerFactor;
/** Of what the worker takes for the deepest exit: behind another frame it fits no longer. */
const deadlineShare = 1.8;
/** Each has one frame at the worker at a time. */
const others = 4;
const withinFrames = 10;
const calmFrames = 6;
/** Queues that a plan may be for, up to the longest that was seen. */
const shares = Array.from({ length: 41 }, (_, i) => i / 40);
const patienceMs = 60_000;
const patience = { timeoutMs: 2 * patienceMs, signal: new AbortController().signal };
const image = encodePng({ rgb: new Uint8Array(32 * 32 * 3).fill(90), width: 32, height: 32 });

/** What came before, while and after other devices kept the worker busy. */
interface Run {
  before: LoggedResult;
  /** The first ten frames under load. */
  loaded: readonly LoggedResult[];
  after: LoggedResult;
}

describe.skipIf(images === undefined)('a worker that other devices keep busy', () => {
  const cleanup = cleanupAfterAll();
  const runs = new Map<Policy['configurator'], Run>();
  let platform: TestPlatform;
  let shape: ModelShape;
  let configuration: DeviceConfiguration;
  let device: TestDevice;
  /** What the idle worker takes for the deepest exit, ms. */
  let wholeMs = 0;

  /** @returns what brute force over all plans finds for the frame behind such a queue */
  function optimum({ assumed, processorFactor }: LoggedResult, queueMs: number): LoggedResult['plan'] {
    const question = { model: shape, configuration, processorFactor, assumed: { ...assumed, queueMs } };
    const best = bestByBruteForce(question);
    if (best === undefined) throw new Error('no plan');
    const { exit, partition, direction, encoding } = best;
    return { exit: shape.exits[exit - 1]?.name ?? '', partition, direction, encoding };
  }

  /** @returns the last of some frames in a row that all ended on the worker at the deepest exit and found no queue */
  async function untilCalm(what: string): Promise<LoggedResult> {
    const from = device.results.length;
    const isCalm = ({ finishedOn, planned, assumed, exit }: LoggedResult): boolean =>
      finishedOn === 'worker' &&
      planned === 'best' &&
      exit === shape.exits.at(-1)?.name &&
      assumed.queueMs < wholeMs / 10;
    let last: LoggedResult | undefined;
    await device.until(what, patienceMs, (all) => {
      last = all.at(-1);
      const recent = all.slice(from).slice(-calmFrames);
      return recent.length === calmFrames && recent.every(isCalm);
    });
    if (last === undefined) throw new Error(what);
    return last;
  }

  /** Starts a device that has whatever image an application gives it classified by the worker. */
  async function startOther(name: string, folder: string): Promise<Application> {
    const path = join(folder, `${name}.sock`);
    const other = await startTestDevice({
      cleanup,
      platform,
      id: name,
      config: { source: `socket:${path}`, processorFactor: deviceFactor },
      forcedPlan: () => ({ exit: shape.exits.length, partition: 0 }),
    });
    const client = await connectSocketClient(path);
    cleanup.add(client.close);
    const application = createApplication(client);
    while (!other.results.some(({ finishedOn }) => finishedOn === 'worker')) await application.classify();
    return application;
  }

  async function runUnderLoad(applications: readonly Application[]): Promise<Run> {
    const before = await untilCalm('frames on the idle worker');
    const from = device.results.length;
    const load = new AbortController();
    const busy = Promise.all(applications.map((application) => application.classifyUntil(load.signal)));
    await device.until('frames under load', patienceMs, (all) => all.length >= from + withinFrames);
    load.abort();
    await busy;
    const loaded = device.results.slice(from, from + withinFrames);
    return { before, loaded, after: await untilCalm('frames on the worker that is idle again') };
  }

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, model, deadlineMs: 10_000, workers: 0 });
    const { graph, manifest } = await readPackage(repositoryFile('models', model));
    shape = modelShape(describeModel(graph, await traceShapes(graph)), manifest);
    const worker = { id: 'shared', processorFactor: workerFactor, factorNow: () => workerFactor, profileRuns: 5 };
    await startTestWorker({ cleanup, platform, ...worker });
    const { brokerUrl } = await startTestLink({ cleanup, platform, mbps: 4, rttMs: 4 });
    const config = { brokerUrl, source: images ?? '', framesPerSecond: 3, processorFactor: deviceFactor };
    device = await startTestDevice({ cleanup, platform, id, config });
    const folder = await temporaryFolder(cleanup);
    const names = Array.from({ length: others }, (_, i) => `other-${i + 1}`);
    await untilConfigured(platform, [id], patience);
    const applications = await Promise.all(names.map((name) => startOther(name, folder)));
    const { worker: profiled } = await configurationOf(platform, id);
    wholeMs = profiled?.profile?.exits.at(-1)?.tail[0]?.medianMs ?? Number.NaN;
    for (const configurator of ['static', 'dynamic'] as const) {
      const deadlineMs = Math.round(deadlineShare * wholeMs);
      await changePolicy(platform.httpUrl, platform.adminToken, { configurator, deadlineMs });
      await untilConfigured(platform, [id, ...names], patience);
      configuration = await configurationOf(platform, id);
      runs.set(configurator, await runUnderLoad(applications));
    }
  });

  function runOf(configurator: Policy['configurator']): Run {
    const run = runs.get(configurator);
    if (run === undefined) throw new Error(`no run with the ${configurator} configurator`);
    return run;
  }

  describe.each(['static', 'dynamic'] as const)('with the %s configurator', (configurator) => {
    test('shows within ten frames as a queue in what a device plans with, and no longer when it is idle again', () => {
      const { before, loaded, after } = runOf(configurator);
      const longestMs = Math.max(...loaded.map(({ assumed }) => assumed.queueMs));
      expect(before.assumed.queueMs).toBeLessThan(wholeMs / 10);
      expect(longestMs).toBeGreaterThan(wholeMs / 2);
      expect(after.assumed.queueMs).toBeLessThan(wholeMs / 10);
    });

    test('has the plan changed within ten frames to what brute force finds behind such a queue, and back', () => {
      const { before, loaded, after } = runOf(configurator);
      const longestMs = Math.max(...loaded.map(({ assumed }) => assumed.queueMs));
      expect(before.plan).toEqual(optimum(before, 0));
      expect(optimum(before, longestMs)).not.toEqual(before.plan);
      const behindQueue = loaded.filter(
        (result) =>
          result.planned === 'best' &&
          !isDeepStrictEqual(result.plan, before.plan) &&
          // Without a queue it would have been the same plan.
          isDeepStrictEqual(optimum(result, 0), before.plan) &&
          shares.some((share) => isDeepStrictEqual(optimum(result, share * longestMs), result.plan)),
      );
      expect(behindQueue).not.toEqual([]);
      expect(after.plan).toEqual(before.plan);
    });
  });
});

/** Has images classified, one after the other. */
interface Application {
  classify(): Promise<void>;
  classifyUntil(signal: AbortSignal): Promise<void>;
}

function createApplication(client: SocketClient): Application {
  let count = 0;
  async function classify(): Promise<void> {
    count += 1;
    client.send(image);
    await client.lines(count, patienceMs);
  }
  return {
    classify,
    async classifyUntil(signal) {
      while (!signal.aborted) await classify();
    },
  };
}
