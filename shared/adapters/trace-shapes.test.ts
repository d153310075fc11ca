import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeModel } from '../model/describe-model.ts';
import { parseModel } from '../model/parse-model.ts';
import { readModel } from '../model/read-model.ts';
import { splitBranch } from '../model/split.ts';
import { buildOnnx } from '../testing/build-onnx.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { traceShapes } from './trace-shapes.ts';
import { traceShapesAside } from './trace-shapes-aside.ts';

const { graph } = await readModel(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
const shapes = await traceShapes(graph);
const { branches } = describeModel(graph, shapes);

test('a run shows the shape of every tensor at batch 1, and which axis is the batch', () => {
  expect(shapes.get('input')).toEqual({ dtype: 'float32', dims: [1, 3, 32, 32], batchAxes: [0] });
  expect(shapes.get('exit1')).toEqual({ dtype: 'float32', dims: [1, 10], batchAxes: [0] });
  expect(shapes.size).toBe(graph.producers.size + 1);
});

test('cuts carry names, dimensions and bytes as f32; the first is the input, the last the exit', () => {
  for (const { exit, layers, cuts } of branches) {
    expect(cuts).toHaveLength(layers.length + 1);
    const dims = [1, 3, 32, 32];
    expect(cuts[0]?.tensors).toEqual([{ name: 'input', dtype: 'float32', dims, elements: 3_072, bytes: 12_288 }]);
    expect(cuts.at(-1)).toMatchObject({ bytes: 40, tensors: [{ name: exit, dims: [1, 10] }] });
  }
});

test('a convolution counts two operations for each weight and output pixel', () => {
  const conv = branches[0]?.layers[0];
  const [, filters = 0, height = 0, width = 0] = conv?.outputShapes[0] ?? [];
  expect(conv).toMatchObject({ type: 'conv', settings: { filters, filterDepth: 3 }, inputElements: 3_072 });
  const [rows = 0, columns = 0] = conv?.settings.kernel ?? [];
  expect(conv?.flops).toBe(2 * filters * height * width * 3 * rows * columns);
  expect(conv?.parameterCount).toBe(filters * 3 * rows * columns + filters);
});

test('deeper exits hold more layers, parameters and operations', () => {
  const flops = branches.map((branch) => branch.flops);
  expect(flops).toEqual(flops.toSorted((a, b) => a - b));
  const layers = branches.map((branch) => branch.layers.length);
  expect(layers).toEqual(layers.toSorted((a, b) => a - b));
});

test('a tail cut with known shapes declares them, the batch left open by name', () => {
  const { tail } = splitBranch(graph, 'exit1', 4, shapes);
  const [input] = parseModel(tail ?? new Uint8Array()).model.graph?.input ?? [];
  const dims = input?.type?.tensorType?.shape?.dim.map(({ value }) => value.value);
  expect(dims).toEqual([
    'batch',
    ...(shapes
      .get(input?.name ?? '')
      ?.dims.slice(1)
      .map(BigInt) ?? []),
  ]);
});

test('a model that the runtime cannot run is refused with a code', async () => {
  const unknown = buildOnnx({ nodes: [{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }], outputs: ['y'] });
  await expect(traceShapes(parseModel(unknown))).rejects.toMatchObject({ code: 'inference-failed' });
});

test('aside, in a thread of its own, the same is shown and refused', async () => {
  const file = await readFile(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
  expect(await traceShapesAside(file)).toEqual(shapes);
  const unknown = buildOnnx({ nodes: [{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }], outputs: ['y'] });
  await expect(traceShapesAside(unknown)).rejects.toMatchObject({ code: 'inference-failed' });
  await expect(traceShapesAside(Buffer.from('no model'))).rejects.toMatchObject({ code: 'model-not-onnx' });
});
