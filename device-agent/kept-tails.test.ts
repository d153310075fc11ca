import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPackage } from '../shared/model/model-package.ts';
import { createFakeClock, systemClock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { createKeptTails, type KeptTails, type KeptTailsOptions, maxTails } from './kept-tails.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import type { DevicePart, Segments } from './segments.ts';

let model: LoadedModel;

/** A gap in which anything is loaded. */
const ampleMs = 60_000;
let options: KeptTailsOptions;

beforeAll(async () => {
  model = await loadModel(await readPackage(repositoryFile('models', 'branchy-alexnet-32')), 1, systemClock);
  options = { segments: model.segments, clock: systemClock, loadMs: 1 };
});

afterAll(() => model.close());

function planAt(partition: number): DevicePart {
  return { exit: 5, partition, direction: 'device-first' };
}

/** A cut that all exits share, and one that only the fifth has. */
const [shared, own] = [planAt(2), planAt(13)];

function loadedOf({ segments }: LoadedModel, plan: DevicePart): number[] {
  return segments
    .continuing(plan)
    .filter(segments.has)
    .map(({ exit }) => exit);
}

async function releaseAll({ segments }: LoadedModel, plan: DevicePart): Promise<void> {
  for (const tail of segments.continuing(plan)) await segments.release(tail);
}

async function keepAll(kept: KeptTails, plan: DevicePart): Promise<void> {
  for (let time = 0; time < 3; time += 1) await kept.keepFor(plan, ampleMs);
}

test('the tail of the plan’s exit is loaded first, then that of the shallowest exit that shares the cut, and no other', async () => {
  const kept = createKeptTails(options);
  expect(model.segments.continuing(shared).length).toBeGreaterThan(2);
  await kept.keepFor(shared, ampleMs);
  expect(loadedOf(model, shared)).toEqual([5]);
  await kept.keepFor(shared, ampleMs);
  await kept.keepFor(shared, ampleMs);
  expect(loadedOf(model, shared)).toEqual([model.segments.continuing(shared)[0]?.exit, 5]);
  await releaseAll(model, shared);
});

test('one is loaded at a time', async () => {
  const kept = createKeptTails(options);
  const first = kept.keepFor(shared, ampleMs);
  await kept.keepFor(shared, ampleMs);
  expect(loadedOf(model, shared)).toEqual([]);
  await first;
  expect(loadedOf(model, shared)).toEqual([5]);
  await releaseAll(model, shared);
});

test('only so many are kept, those of the plans that were run last', async () => {
  const kept = createKeptTails(options);
  const deepest = Array.from({ length: maxTails }, (_, index) => planAt(own.partition + index));
  for (const plan of deepest) await keepAll(kept, plan);
  expect(deepest.map((plan) => loadedOf(model, plan))).toEqual(deepest.map(() => [5]));
  await kept.keepFor(own, ampleMs);
  const twoExits = planAt(own.partition - 1);
  await keepAll(kept, twoExits);
  expect(loadedOf(model, twoExits)).toEqual([4, 5]);
  expect(deepest.map((plan) => loadedOf(model, plan).length)).toEqual([1, 0, 0, 1, 1, 1, 1, 1]);
  for (const plan of [twoExits, ...deepest]) await releaseAll(model, plan);
});

test('a tail that the runtime refuses is told of once', async () => {
  const tried: number[] = [];
  const refusing: Segments = {
    ...model.segments,
    prepare({ exit }) {
      tried.push(exit);
      return Promise.reject(new FleetError('inference-failed', 'no memory'));
    },
  };
  const kept = createKeptTails({ ...options, segments: refusing });
  await expect(kept.keepFor(own, ampleMs)).rejects.toMatchObject({ code: 'inference-failed' });
  await kept.keepFor(own, ampleMs);
  expect(tried).toEqual([5]);
});

test('without a head there is nothing to go on from', async () => {
  const kept = createKeptTails(options);
  await kept.keepFor(planAt(0), ampleMs);
  await kept.keepFor({ ...own, direction: 'edge-first' }, ampleMs);
  expect(model.segments.has({ ...own, direction: 'edge-first' })).toBe(false);
});

test('none is loaded in a gap of which it would take more than half, or once one took longer', async () => {
  const clock = createFakeClock();
  const slow: Segments = {
    ...model.segments,
    async prepare(part) {
      clock.advance(300);
      await model.segments.prepare(part);
    },
  };
  const kept = createKeptTails({ segments: slow, clock, loadMs: 100 });
  await kept.keepFor(shared, 199);
  expect(loadedOf(model, shared)).toEqual([]);
  await kept.keepFor(shared, 200);
  expect(loadedOf(model, shared)).toEqual([5]);
  await kept.keepFor(shared, 599);
  expect(loadedOf(model, shared)).toEqual([5]);
  await kept.keepFor(shared, 600);
  expect(loadedOf(model, shared)).toHaveLength(2);
  await releaseAll(model, shared);
});
