import { expect, test } from 'vitest';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { modelShape } from './decision.ts';

test('the planner is given the accuracy of each encoding only where that of the exit was measured as well', async () => {
  const { graph, manifest } = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  const description = describeModel(graph, await traceShapes(graph));
  const source = { dataset: 'cifar10-test', images: 10_000 };
  const accuracy = { ...source, top1: 0.9 };
  const exits = manifest.exits.map(({ name, paperLayers, nodes }, index) => {
    const all = Array.from({ length: nodes + 1 }, (_, partition) => 0.8 + partition / 1000);
    const encodedAccuracy = { ...source, f16: all, u8: all.toReversed() };
    return { name, paperLayers, nodes, ...[{ accuracy, encodedAccuracy }, { accuracy }, { encodedAccuracy }][index] };
  });
  const [both, whole, encoded, none] = modelShape(description, { ...manifest, exits }).exits;
  expect(both).toMatchObject({ accuracy: 0.9, encodedAccuracy: { f16: { 0: 0.8, 12: 0.812 }, u8: { 0: 0.812 } } });
  expect(Object.keys(both?.encodedAccuracy ?? {})).toEqual(['f16', 'u8']);
  expect([whole?.accuracy, whole?.encodedAccuracy]).toEqual([0.9, undefined]);
  expect([encoded?.accuracy, encoded?.encodedAccuracy]).toEqual([0.03, undefined]);
  expect(none?.accuracy).toBe(0.04);
});
