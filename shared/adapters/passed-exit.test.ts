import { beforeAll, describe, expect, test } from 'vitest';
import { describeModel, type ModelDescription } from '../model/describe-model.ts';
import { passedExit } from '../model/early-exit.ts';
import { readModel } from '../model/read-model.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { traceShapes } from './trace-shapes.ts';

describe('the exit that a head passes', () => {
  let description: ModelDescription;
  beforeAll(async () => {
    const { graph } = await readModel(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
    description = describeModel(graph, await traceShapes(graph));
  });

  test('is the deepest whose shared layers all lie before the cut, and goes on where its own begin', () => {
    const passed = [3, 4, 7, 8, 9, 10, 12, 20].map((partition) => passedExit(description, 5, partition));
    const [exit1, exit2, exit3, exit4] = [4, 8, 10, 12].map((partition, index) => ({ exit: index + 1, partition }));
    expect(passed).toEqual([undefined, exit1, exit1, exit2, exit2, exit3, exit4, exit4]);
    expect(passedExit(description, 2, 10)).toEqual(exit1);
  });

  test('is none before the first exit, or where the plan’s is the first', () => {
    expect(passedExit(description, 5, 0)).toBeUndefined();
    expect(passedExit(description, 1, 12)).toBeUndefined();
    expect(passedExit(description, 6, 4)).toBeUndefined();
  });

  test('has run all that its side branch needs besides, in a network with skips as well', async () => {
    const { graph } = await readModel(repositoryFile('shared', 'model', 'fixtures', 'branchy-resnet.onnx'));
    const resNet = describeModel(graph, await traceShapes(graph));
    const exit = resNet.branches.length;
    const deepest = resNet.branches[exit - 1];
    let found = 0;
    for (const { index } of deepest?.layers ?? []) {
      const passed = passedExit(resNet, exit, index);
      if (passed === undefined) continue;
      found += 1;
      const given = new Set([...resNet.inputs.map(({ name }) => name)]);
      for (const { outputs } of deepest?.layers.slice(0, index) ?? []) for (const name of outputs) given.add(name);
      const needed = resNet.branches[passed.exit - 1]?.cuts[passed.partition]?.tensors ?? [];
      expect(needed.length).toBeGreaterThan(0);
      expect(needed.every(({ name }) => given.has(name))).toBe(true);
    }
    expect(found).toBeGreaterThan(0);
  });
});
