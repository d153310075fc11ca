import type { Static, TSchema } from 'typebox';
import { expect, test } from 'vitest';
import { createParser } from '../../shared/runtime/schema.ts';
import type { ExperimentContext } from './experiment.ts';
import { factorsOf } from './factors.ts';
import { quickScale } from './scale.ts';

/** @returns a context in which the deepest exit takes so long */
function contextWith(minMs: number): ExperimentContext {
  return {
    scale: quickScale,
    dataFolder: '',
    point: async <S extends TSchema>(_inputs: unknown, schema: S): Promise<Static<S>> => {
      return createParser(schema, 'experiment-data-invalid', 'point').parse({ minMs });
    },
    testBed: () => Promise.reject(new Error('no test bed is needed')),
    progress: () => undefined,
  };
}

test('the paper’s processors are those on which the deepest exit takes 2.3 s and 10 ms', async () => {
  expect(await factorsOf(contextWith(2.3), 'paper', 'branchy-alexnet-32')).toEqual({ device: 1000, worker: 4.35 });
});

test('a network that takes longer here than on the paper’s PC is not made faster', async () => {
  expect(await factorsOf(contextWith(23), 'paper', 'branchy-alexnet-128')).toEqual({ device: 100, worker: 1 });
});

test('a current device is slower by a stated factor, whatever the network takes', async () => {
  expect(await factorsOf(contextWith(2.3), 'current', 'branchy-alexnet-32')).toEqual({ device: 4, worker: 1 });
  expect(await factorsOf(contextWith(2.3), 'none', 'branchy-alexnet-32')).toEqual({ device: 1, worker: 1 });
});
