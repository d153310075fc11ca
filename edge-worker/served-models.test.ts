import { beforeAll, describe, expect, test } from 'vitest';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { branchesOf, sharedLayers } from '../shared/model/branches.ts';
import { describeServedModel, type ServedModel, segmentOf, segmentsOf } from './served-models.ts';
import { readAlexNet } from './testing/models.ts';

let model: ServedModel;

beforeAll(async () => {
  const { manifest, graph } = await readAlexNet();
  model = describeServedModel(manifest.digest, graph, await traceShapes(graph));
});

describe('what a worker runs for a plan', () => {
  test('device-first lies between the cut and the exit, edge-first between the input and the cut', () => {
    const input = model.graph.inputs;
    for (const [index, { exit, layers, cuts }] of branchesOf(model.graph).entries()) {
      for (let partition = 1; partition < layers.length; partition += 1) {
        const place = { exit: index + 1, partition };
        const tail = segmentOf(model, { ...place, direction: 'device-first' });
        const head = segmentOf(model, { ...place, direction: 'edge-first' });
        expect(tail?.inputs.map(({ name }) => name)).toEqual(cuts[partition]);
        expect(tail?.outputs.map(({ name }) => name)).toEqual([exit]);
        expect(head?.inputs.map(({ name }) => name)).toEqual(input);
        expect(head?.outputs.map(({ name }) => name)).toEqual(cuts[partition]);
      }
    }
  });

  test('is nothing where the device runs all, and the whole branch has one name only', () => {
    for (const [index, { layers }] of branchesOf(model.graph).entries()) {
      const exit = index + 1;
      const last = layers.length;
      expect(segmentOf(model, { exit, partition: last, direction: 'device-first' })).toBeUndefined();
      expect(segmentOf(model, { exit, partition: 0, direction: 'edge-first' })).toBeUndefined();
      expect(segmentOf(model, { exit, partition: last, direction: 'edge-first' })).toBeUndefined();
      expect(segmentOf(model, { exit, partition: 0, direction: 'device-first' })).toBeDefined();
    }
  });

  test('is one and the same head for all exits that share the layers before the cut, and one tail an exit', () => {
    const branches = branchesOf(model.graph);
    const [first, last] = [branches[0], branches.at(-1)];
    if (first === undefined || last === undefined) throw new Error('the model has no exit');
    const shared = sharedLayers(first, first.layers.length, last);
    expect(shared).toBeGreaterThan(1);
    for (let partition = 1; partition < shared; partition += 1) {
      const [near, far] = [1, branches.length].map((exit) => {
        return segmentOf(model, { exit, partition, direction: 'edge-first' });
      });
      expect(near).toBeDefined();
      expect(far).toBe(near);
    }
    const tails = branches.map((_, i) => segmentOf(model, { exit: i + 1, partition: 1, direction: 'device-first' }));
    expect(new Set(tails).size).toBe(branches.length);
    const keys = segmentsOf(model).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
