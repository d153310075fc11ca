import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { buildOnnx } from '../testing/build-onnx.ts';
import { closedSets, isPrefix } from '../testing/closed-sets.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { branchesOf, branchOf } from './branches.ts';
import { cutAround, layerGraph } from './layer-set.ts';
import { parseModel } from './parse-model.ts';
import { readModel } from './read-model.ts';
import { splitBranch, splitBranchAround } from './split.ts';

const models = [
  repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'),
  repositoryFile('shared', 'model', 'fixtures', 'branchy-resnet.onnx'),
  repositoryFile('shared', 'model', 'fixtures', 'branchy-dense.onnx'),
];
const graphs = await Promise.all(models.map(async (path) => (await readModel(path)).graph));

/** x → a → join, x → b → join, and a second input that only the join reads. */
const diamond = parseModel(
  buildOnnx({
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['a'] },
      { op: 'Neg', inputs: ['x'], outputs: ['b'] },
      { op: 'Sum', inputs: ['a', 'b', 'mask'], outputs: ['join'] },
      { op: 'Mul', inputs: ['join', 'a'], outputs: ['exit'] },
    ],
    inputs: ['x', 'mask'],
    outputs: ['exit'],
  }),
);

function hashOf(file: Uint8Array | null): string | null {
  return file && createHash('sha256').update(file).digest('hex');
}

function firstLayers(count: number): Set<number> {
  return new Set(Array.from({ length: count }, (_, position) => position + 1));
}

describe('the cut around a set of layers', () => {
  test('is the branch’s own cut where the set is layers 1 to p', () => {
    for (const branch of [...graphs, diamond].flatMap(branchesOf)) {
      for (const [partition, cut] of branch.cuts.entries()) {
        expect(cutAround(layerGraph(branch), firstLayers(partition))).toEqual(cut);
      }
    }
  });

  test('names each tensor once that others read, and no tensor that is read inside alone', () => {
    const branch = layerGraph(branchOf(diamond, 'exit'));
    expect(cutAround(branch, new Set([2]))).toEqual(['x', 'mask', 'b']);
    expect(cutAround(branch, new Set([1, 2, 3]))).toEqual(['a', 'join']);
  });

  test('is the same in whatever order the set was made', () => {
    const branch = layerGraph(branchOf(diamond, 'exit'));
    expect(cutAround(branch, new Set([2, 1]))).toEqual(cutAround(branch, new Set([1, 2])));
  });

  test('is refused where the set lacks a layer that one of its own reads from', () => {
    const branch = layerGraph(branchOf(diamond, 'exit'));
    for (const set of [[3], [1, 3], [1, 2, 4], [4]]) {
      expect(() => cutAround(branch, new Set(set))).toThrow(expect.objectContaining({ code: 'layers-not-closed' }));
    }
  });

  test('is refused where the branch has no such layer', () => {
    const branch = layerGraph(branchOf(diamond, 'exit'));
    for (const index of [0, 5, -1, 1.5, Number.NaN]) {
      expect(() => cutAround(branch, new Set([1, index]))).toThrow(expect.objectContaining({ code: 'layer-unknown' }));
    }
  });
});

describe('a split around a set of layers', () => {
  test('gives the very files of a partition point where the set is layers 1 to p', () => {
    for (const graph of graphs.slice(1)) {
      for (const { exit, layers } of branchesOf(graph)) {
        for (const partition of [0, 1, layers.length >> 1, layers.length]) {
          const around = splitBranchAround(graph, exit, firstLayers(partition));
          const { head, tail, cut } = splitBranch(graph, exit, partition);
          expect(around.cut).toEqual(cut);
          expect([around.head, around.tail].map(hashOf)).toEqual([head, tail].map(hashOf));
        }
      }
    }
  });

  test('gives the head the set’s layers and no other, and the tail the rest', () => {
    for (const graph of graphs.slice(1)) {
      for (const { exit, layers } of branchesOf(graph)) {
        const names = (isHead: boolean, set: ReadonlySet<number>) =>
          layers.filter(({ index }) => set.has(index) === isHead).map(({ name }) => name);
        for (const set of closedSets({ layers }).filter((closed) => !isPrefix(closed))) {
          const { head, tail, cut } = splitBranchAround(graph, exit, set);
          const [first, second] = [head, tail].map((half) => parseModel(half ?? new Uint8Array()));
          expect(first?.nodes.map(({ name }) => name)).toEqual(names(true, set));
          expect(second?.nodes.map(({ name }) => name)).toEqual(names(false, set));
          expect([second?.inputs, second?.exits]).toEqual([cut, [exit]]);
        }
      }
    }
  });

  test('of an unknown exit is refused', () => {
    const unknownExit = expect.objectContaining({ code: 'model-unknown-exit' });
    expect(() => splitBranchAround(diamond, 'exit9', new Set())).toThrow(unknownExit);
  });
});
