import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ModelPackage } from '../shared/model/model-package.ts';
import type { FakeDevice, Question } from './testing/fake-device.ts';
import { createLocalRuns, readAlexNet, readResNet } from './testing/models.ts';
import { type Platform, startPlatform } from './testing/platform.ts';

type Package = Pick<ModelPackage, 'manifest' | 'bytes' | 'graph'>;

/** Requests that each device keeps at the worker. */
const inFlight = 3;
const framesEach = 60;
const quietMs = 500;
const timeLeftMs = 5000;
/** Two models are fetched, traced and loaded beside a load. */
const timeout = 120_000;

let old: Package;
let next: Package;
let platform: Platform;

beforeAll(async () => {
  old = await readAlexNet();
  next = await readResNet();
});

beforeEach(async () => {
  platform = await startPlatform([old, next]);
});

afterEach(() => platform.close());

function referenceTo({ manifest: { name, version, digest } }: Package) {
  return { name, version, digest };
}

/** A device that always has some frames of its model at the worker. */
interface LoadedDevice {
  /** Of every frame, the status of its answer. */
  readonly statuses: string[];
  /** From the next frame on it uses this model. */
  useModel(model: Package): void;
  /** Resolves when so many more frames are answered. */
  frames(count: number): Promise<void>;
  stop(): Promise<void>;
}

function keepBusy(device: FakeDevice, model: Package): LoadedDevice {
  const statuses: string[] = [];
  let question = questionFor(model);
  let stopped = false;
  const lines = Array.from({ length: inFlight }, async () => {
    while (!stopped) statuses.push((await device.ask(question)).header.status);
  });
  return {
    statuses,
    useModel(other) {
      question = questionFor(other);
    },
    async frames(count) {
      const wanted = statuses.length + count;
      await vi.waitFor(() => expect(statuses.length).toBeGreaterThanOrEqual(wanted), { timeout });
    },
    async stop() {
      stopped = true;
      await Promise.all(lines);
    },
  };
}

function questionFor({ manifest, graph }: Package): Question {
  const tensors = [createLocalRuns(graph).input(1)];
  return { digest: manifest.digest, exit: 1, partition: 0, tensors, timeLeftMs };
}

describe('a model that is replaced under load', { timeout }, () => {
  test('loses no frame: the new one is made ready beside it, and devices change one by one', async () => {
    await platform.startWorker('edge', { retiredQuietMs: quietMs });
    await platform.desire('edge', { version: 1, models: [referenceTo(old)] });
    await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 1);
    const devices = await Promise.all(['one', 'two'].map((id) => platform.connectDevice(id, 'edge')));
    const loaded = devices.map((device) => keepBusy(device, old));
    await Promise.all(loaded.map((each) => each.frames(framesEach)));

    await platform.desire('edge', { version: 2, models: [referenceTo(next)] });
    await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 2);
    const [early, late] = loaded;
    early?.useModel(next);
    await Promise.all(loaded.map((each) => each.frames(framesEach)));
    late?.useModel(next);
    await Promise.all(loaded.map((each) => each.frames(framesEach)));
    await Promise.all(loaded.map((each) => each.stop()));
    for (const { statuses } of loaded) expect(statuses.filter((status) => status !== 'ok')).toEqual([]);
  });

  test('is let go once no device asks for it any more', async () => {
    const worker = await platform.startWorker('edge', { retiredQuietMs: quietMs });
    await platform.desire('edge', { version: 1, models: [referenceTo(old)] });
    await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 1);
    const device = await platform.connectDevice('one', 'edge');
    expect((await device.ask(questionFor(old))).header.status).toBe('ok');
    await platform.desire('edge', { version: 2, models: [referenceTo(next)] });
    await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 2);
    await vi.waitFor(() => expect(worker.log()).toContain('model let go'), { timeout });
    expect((await device.ask(questionFor(old))).header.status).toBe('unavailable');
    expect((await device.ask(questionFor(next))).header.status).toBe('ok');
  });

  test('is let go after the stated time although a device goes on asking for it', async () => {
    await platform.startWorker('edge', { retiredQuietMs: quietMs, retiredLimitMs: 1000 });
    await platform.desire('edge', { version: 1, models: [referenceTo(old)] });
    await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 1);
    const loaded = keepBusy(await platform.connectDevice('one', 'edge'), old);
    await loaded.frames(framesEach);
    await platform.desire('edge', { version: 2, models: [] });
    await vi.waitFor(() => expect(loaded.statuses).toContain('unavailable'), { timeout });
    // A request that was half here when the model went gets no answer: its device gives it up by its deadline.
    void loaded.stop();
  });
});
