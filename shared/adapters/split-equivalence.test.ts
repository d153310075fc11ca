import { describe, expect, test } from 'vitest';
import { branchesOf, branchOf, sharedLayers } from '../model/branches.ts';
import type { ModelGraph } from '../model/graph.ts';
import { readManifest } from '../model/model-package.ts';
import { parseModel } from '../model/parse-model.ts';
import { readModel } from '../model/read-model.ts';
import { inputDims, type TensorShapes } from '../model/shapes.ts';
import { extractSegment, extractTensors, splitBranch, splitBranchAround } from '../model/split.ts';
import type { Tensors } from '../model/tensor.ts';
import { seededRandom } from '../runtime/random.ts';
import { buildOnnx, weight } from '../testing/build-onnx.ts';
import { closedSets, isPrefix } from '../testing/closed-sets.ts';
import { dataFile, repositoryFile } from '../testing/data-folder.ts';
import { randomValues } from '../testing/random.ts';
import { readCifar10 } from './cifar10.ts';
import { preprocess } from './images.ts';
import { createOnnxSession } from './onnx-session.ts';
import { traceShapes } from './trace-shapes.ts';

/** The platform's promise: a cut changes nothing that matters. */
const largestDifference = 1e-5;

const models = [
  ['branchy-alexnet-32', repositoryFile('models', 'branchy-alexnet-32', 'model.onnx')],
  ['branchy-alexnet-128', repositoryFile('models', 'branchy-alexnet-128', 'model.onnx')],
  ['branchy-resnet', repositoryFile('shared', 'model', 'fixtures', 'branchy-resnet.onnx')],
  ['branchy-dense', repositoryFile('shared', 'model', 'fixtures', 'branchy-dense.onnx')],
] as const;

async function run(bytes: Uint8Array, inputs: readonly Tensors[]): Promise<Tensors[]> {
  const session = await createOnnxSession(bytes);
  try {
    const outputs: Tensors[] = [];
    for (const input of inputs) outputs.push(await session.run(input));
    return outputs;
  } finally {
    await session.release();
  }
}

function differenceOf(results: readonly Tensors[], expected: readonly Tensors[], exit: string): number {
  let largest = 0;
  for (const [index, result] of results.entries()) {
    const got = result[exit]?.data ?? new Float32Array();
    const want = expected[index]?.[exit]?.data ?? new Float32Array();
    expect(got.length).toBe(want.length);
    expect(want.length).toBeGreaterThan(0);
    for (const [position, value] of want.entries()) {
      const difference = Math.abs(value - (got[position] ?? Number.NaN));
      largest = Math.max(difference, largest);
    }
  }
  return largest;
}

function randomInput(graph: ModelGraph, batch: number, seed: number): Tensors {
  return Object.fromEntries(
    graph.inputs.map((name) => {
      const dims = inputDims(graph, name, batch);
      return [
        name,
        {
          data: randomValues(
            dims.reduce((product, size) => product * size, 1),
            seed,
          ),
          dims,
        },
      ];
    }),
  );
}

/** @returns the largest difference over all exits and partitions, and how many cuts that were */
async function compareAllCuts(graph: ModelGraph, shapes: TensorShapes, inputs: readonly Tensors[]) {
  let largest = 0;
  let cuts = 0;
  for (const { exit, layers } of branchesOf(graph)) {
    const expected = await run(extractSegment(graph, exit, [0, layers.length], shapes), inputs);
    // Two inputs must tell apart, or equal outputs would prove nothing.
    expect(expected[0]?.[exit]?.data[0]).not.toBe(expected[1]?.[exit]?.data[0]);
    for (let partition = 0; partition <= layers.length; partition += 1) {
      const { head, tail, cut } = splitBranch(graph, exit, partition, shapes);
      const crossing = head === null ? inputs : await run(head, inputs);
      for (const tensors of crossing) expect(Object.keys(tensors).sort()).toEqual([...cut].sort());
      const results = tail === null ? crossing : await run(tail, crossing);
      const difference = differenceOf(results, expected, exit);
      largest = Math.max(difference, largest);
      cuts += 1;
    }
  }
  return { largest, cuts };
}

describe('head then tail equals the branch run whole, at every exit and partition', () => {
  for (const [name, path] of models) {
    test(`${name}, random inputs, batch 1 and 3`, async ({ annotate }) => {
      const { graph } = await readModel(path);
      const inputs = [randomInput(graph, 1, 1), randomInput(graph, 3, 2)];
      const { largest, cuts } = await compareAllCuts(graph, await traceShapes(graph), inputs);
      await annotate(`${name}: largest difference ${largest} over ${cuts} cuts`);
      expect(largest).toBeLessThanOrEqual(largestDifference);
    });
  }

  const images = dataFile('cifar10', 'test-1000.bin');
  for (const [name, path] of models.slice(0, 2)) {
    test.skipIf(images === undefined)(`${name}, real images`, async ({ annotate }) => {
      const { graph } = await readModel(path);
      const { preprocessing, input } = await readManifest(repositoryFile('models', name));
      const frames = await readCifar10(images ?? '', { limit: 2 });
      const inputs: Tensors[] = [];
      for (const frame of frames) {
        inputs.push({ [input.name]: { data: await preprocess(frame, preprocessing), dims: [1, ...input.shape] } });
      }
      const { largest, cuts } = await compareAllCuts(graph, await traceShapes(graph), inputs);
      await annotate(`${name}: largest difference ${largest} over ${cuts} cuts`);
      expect(largest).toBeLessThanOrEqual(largestDifference);
    });
  }
});

test('a branch run whole equals the same exit of the whole model', async () => {
  for (const [, path] of models) {
    const { graph, bytes } = await readModel(path);
    const inputs = [randomInput(graph, 1, 3)];
    const expected = await run(bytes, inputs);
    for (const { exit, layers } of branchesOf(graph)) {
      const results = await run(extractSegment(graph, exit, [0, layers.length]), inputs);
      expect(differenceOf(results, expected, exit)).toBeLessThanOrEqual(largestDifference);
    }
  }
});

test('a head that also puts out what an earlier exit needs lets that exit be finished', async () => {
  const { graph } = await readModel(models[0][1]);
  const [early, late] = [branchOf(graph, 'exit1'), branchOf(graph, 'exit5')];
  const partition = late.layers.length - 3;
  const passed = sharedLayers(late, partition, early);
  const tap = early.cuts[passed] ?? [];
  const outputs = [...new Set([...(late.cuts[partition] ?? []), ...tap])];
  const inputs = [randomInput(graph, 1, 4)];
  const [head] = await run(extractTensors(graph, { inputs: ['input'], outputs }), inputs);
  const given = Object.fromEntries(tap.flatMap((name) => (head?.[name] ? [[name, head[name]] as const] : [])));
  const finished = await run(extractSegment(graph, 'exit1', [passed, early.layers.length]), [given]);
  const expected = await run(extractSegment(graph, 'exit1', [0, early.layers.length]), inputs);
  expect(differenceOf(finished, expected, 'exit1')).toBeLessThanOrEqual(largestDifference);
});

test('the model’s own input crosses a cut where a later layer reads it', async () => {
  const addToItself = [
    { op: 'Relu', inputs: ['x'], outputs: ['y'] },
    { op: 'Add', inputs: ['x', 'y'], outputs: ['z'] },
  ];
  const graph = parseModel(buildOnnx({ nodes: addToItself, outputs: ['z'] }));
  const { head, tail, cut } = splitBranch(graph, 'z', 1);
  expect(cut).toEqual(['x', 'y']);
  const inputs = [{ x: { data: Float32Array.from([-1, 2, -3, 4]), dims: [1, 4] } }];
  const [result] = await run(tail ?? new Uint8Array(), await run(head ?? new Uint8Array(), inputs));
  expect([...(result?.z?.data ?? [])]).toEqual([-1, 4, -3, 8]);
});

test('several tensors cross where a connection skips layers, and each is needed', async () => {
  const { graph } = await readModel(models[2][1]);
  const exit = graph.exits.at(-1) ?? '';
  const { cuts, layers } = branchOf(graph, exit);
  const partition = cuts.findIndex((cut) => cut.length > 1);
  const inputs = [randomInput(graph, 1, 5)];
  const { head, tail, cut } = splitBranch(graph, exit, partition);
  const [crossing] = await run(head ?? new Uint8Array(), inputs);
  expect(Object.keys(crossing ?? {}).sort()).toEqual([...cut].sort());
  expect(layers.length).toBeGreaterThan(partition);
  for (const left of cut) {
    const rest = Object.fromEntries(Object.entries(crossing ?? {}).filter(([name]) => name !== left));
    await expect(run(tail ?? new Uint8Array(), [rest])).rejects.toMatchObject({ code: 'inference-failed' });
  }
});

/** @returns the largest difference over all sets that are no prefix of the execution order, and how many they were */
async function compareAllSets(graph: ModelGraph, exit: string, inputs: readonly Tensors[], shapes?: TensorShapes) {
  const { layers } = branchOf(graph, exit);
  const sets = closedSets({ layers }).filter((set) => !isPrefix(set));
  const expected = await run(extractSegment(graph, exit, [0, layers.length], shapes), inputs);
  let largest = 0;
  for (const set of sets) {
    const { head, tail, cut } = splitBranchAround(graph, exit, set, shapes);
    const crossing = await run(head ?? new Uint8Array(), inputs);
    for (const tensors of crossing) expect(Object.keys(tensors).sort()).toEqual([...cut].sort());
    const difference = differenceOf(await run(tail ?? new Uint8Array(), crossing), expected, exit);
    largest = Math.max(difference, largest);
  }
  return { largest, sets: sets.length };
}

describe('head then tail equals the branch run whole, around every closed set that is no prefix', () => {
  for (const [name, path] of models.slice(2)) {
    test(`${name}, at every exit, batch 1 and 3`, async ({ annotate }) => {
      const { graph } = await readModel(path);
      const shapes = await traceShapes(graph);
      const inputs = [randomInput(graph, 1, 6), randomInput(graph, 3, 7)];
      let tried = 0;
      let greatest = 0;
      for (const exit of graph.exits) {
        const { largest, sets } = await compareAllSets(graph, exit, inputs, shapes);
        greatest = Math.max(largest, greatest);
        tried += sets;
      }
      await annotate(`${name}: largest difference ${greatest} over ${tried} sets that are no prefix`);
      expect(greatest).toBeLessThanOrEqual(largestDifference);
      expect(tried).toBeGreaterThan(0);
    });
  }

  test('random graphs of two inputs and seven layers', async ({ annotate }) => {
    let tried = 0;
    for (let seed = 1; seed <= 12; seed += 1) {
      const graph = parseModel(randomGraph(seed));
      const { largest, sets } = await compareAllSets(graph, 'n6', [randomInput(graph, 2, seed)]);
      expect(largest).toBeLessThanOrEqual(largestDifference);
      tried += sets;
    }
    await annotate(`${tried} sets that are no prefix`);
    expect(tried).toBeGreaterThan(100);
  });
});

/** Element-wise layers on tensors of four, each read by any number of later ones; the last reads what is left over. */
function randomGraph(seed: number): Uint8Array {
  const random = seededRandom(seed);
  const known = ['x', 'y', 'w'];
  const unread = new Set(['x', 'y']);
  const nodes = Array.from({ length: 7 }, (_, index) => {
    const pick = () => known[Math.floor(random() * known.length)] ?? 'x';
    const inputs = [...new Set(index === 6 ? unread : [pick(), pick()])];
    for (const name of inputs) unread.delete(name);
    known.push(`n${index}`);
    unread.add(`n${index}`);
    return { op: inputs.length === 1 ? 'Sigmoid' : 'Sum', inputs, outputs: [`n${index}`] };
  });
  return buildOnnx({
    nodes,
    inputs: ['x', 'y'],
    outputs: ['n6'],
    initializers: [weight('w', [0.5, -1, 2, 0.25])],
  });
}
