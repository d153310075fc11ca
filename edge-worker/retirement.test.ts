import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { createRetirement, type Retirement } from './retirement.ts';
import { createServedModels, describeServedModel, type ServedModel, type ServedModels } from './served-models.ts';
import { readResNet } from './testing/models.ts';

const quietMs = 1000;
const limitMs = 10_000;
const old = `sha256:${'a'.repeat(64)}`;
const next = `sha256:${'b'.repeat(64)}`;

let described: ServedModel;
let clock: FakeClock;
let models: ServedModels;
let unloaded: string[];
let retirement: Retirement;

beforeAll(async () => {
  const { graph } = await readResNet();
  described = describeServedModel(old, graph, await traceShapes(graph));
});

beforeEach(() => {
  clock = createFakeClock();
  models = createServedModels();
  unloaded = [];
  const unload = ({ digest }: ServedModel): void => void unloaded.push(digest);
  const log = createLog('test', 'silent');
  retirement = createRetirement({ models, unload, quietMs, limitMs, clock, log });
  for (const digest of [old, next]) models.add({ ...described, digest });
});

const ask = (digest: string) => models.find(digest.slice('sha256:'.length, 'sha256:'.length + 16));

describe('a model that the configuration names no longer', () => {
  test('is let go once no device has asked for it for a while', () => {
    retirement.keepOnly([next]);
    for (let i = 0; i < 5; i += 1) {
      clock.advance(quietMs - 1);
      expect(ask(old)).toBeDefined();
    }
    clock.advance(2 * quietMs);
    expect(ask(old)).toBeUndefined();
    expect(unloaded).toEqual([old]);
    expect(ask(next)).toBeDefined();
  });

  test('is let go after the stated time whoever asks for it', () => {
    retirement.keepOnly([next]);
    for (let ms = 0; ms < limitMs; ms += 100) {
      expect(ask(old)).toBeDefined();
      clock.advance(100);
    }
    clock.advance(quietMs);
    expect(ask(old)).toBeUndefined();
  });

  test('stays where it is wanted again meanwhile', () => {
    retirement.keepOnly([next]);
    clock.advance(quietMs / 2);
    retirement.keepOnly([old, next]);
    clock.advance(2 * limitMs);
    expect(ask(old)).toBeDefined();
    expect(unloaded).toEqual([]);
  });

  test('is not let go later because the configuration comes again', () => {
    for (let i = 0; i < 10; i += 1) {
      retirement.keepOnly([next]);
      clock.advance(quietMs / 2);
    }
    expect(unloaded).toEqual([old]);
  });

  test('is left alone once the worker closes', () => {
    retirement.keepOnly([next]);
    retirement.close();
    clock.advance(2 * limitMs);
    expect(unloaded).toEqual([]);
  });
});
