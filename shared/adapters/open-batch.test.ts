import { describe, expect, test } from 'vitest';
import { openBatch } from '../model/open-batch.ts';
import { parseModel } from '../model/parse-model.ts';
import { readModel } from '../model/read-model.ts';
import { serializeWhole } from '../model/serialize-model.ts';
import { hasOpenBatch } from '../model/shapes.ts';
import { buildOnnx } from '../testing/build-onnx.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { pinBatch } from '../testing/pinned-batch.ts';
import { traceShapes } from './trace-shapes.ts';

const { graph } = await readModel(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
const shapes = await traceShapes(graph);

describe('a model whose batch is pinned to 1', () => {
  const pinned = parseModel(pinBatch(graph, shapes));
  const opened = openBatch(pinned);

  test('shows no batch as it is, and once opened the same as the model that never was pinned', async () => {
    expect([...(await traceShapes(pinned)).values()].every(({ batchAxes }) => batchAxes.length === 0)).toBe(true);
    if (opened === undefined) throw new Error('it is pinned');
    const traced = await traceShapes(parseModel(serializeWhole(opened)));
    expect(traced).toEqual(new Map([...traced.keys()].map((name) => [name, shapes.get(name)])));
    expect(traced.get('exit1')).toEqual({ dtype: 'float32', dims: [1, 10], batchAxes: [0] });
  });

  test('has the same exits and layers once opened, and is itself left as it was', () => {
    expect(opened?.exits).toEqual(graph.exits);
    expect(opened?.nodes.map(({ name }) => name)).toEqual(graph.nodes.map(({ name }) => name));
    expect(hasOpenBatch(pinned, 'input')).toBe(false);
    expect(opened !== undefined && hasOpenBatch(opened, 'input')).toBe(true);
  });
});

test('a model whose batch is open is not rewritten', () => {
  expect(openBatch(graph)).toBeUndefined();
  const small = buildOnnx({ nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], outputs: ['y'] });
  expect(openBatch(parseModel(small))).toBeUndefined();
});

test('a Reshape that pins an open batch is opened; as it is, the model counts as one of batch 1', async () => {
  const shape = { dims: [2n], dataType: 7, rawData: new Uint8Array(BigInt64Array.of(1n, 4n).buffer) };
  const reshaping = buildOnnx({
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Reshape', inputs: ['r', 'shape'], outputs: ['y'] },
    ],
    outputs: ['y'],
    initializers: [{ name: 'shape', ...shape }],
  });
  const traced = await traceShapes(parseModel(reshaping));
  expect(traced.get('y')?.batchAxes).toEqual([]);
  const opened = openBatch(parseModel(reshaping));
  if (opened === undefined) throw new Error('it is pinned');
  expect((await traceShapes(opened)).get('y')).toEqual({ dtype: 'float32', dims: [1, 4], batchAxes: [0] });
});
