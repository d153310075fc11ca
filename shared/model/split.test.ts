import { describe, expect, test } from 'vitest';
import { repositoryFile } from '../testing/data-folder.ts';
import { branchesOf, branchOf, sharedLayers } from './branches.ts';
import { parseModel } from './parse-model.ts';
import { readModel } from './read-model.ts';
import { extractSegment, extractTensors, splitBranch } from './split.ts';

const { graph } = await readModel(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
const resnet = (await readModel(repositoryFile('shared', 'model', 'fixtures', 'branchy-resnet.onnx'))).graph;
const dense = (await readModel(repositoryFile('shared', 'model', 'fixtures', 'branchy-dense.onnx'))).graph;

function weightNames(bytes: Uint8Array): string[] {
  return [...parseModel(bytes).constants.keys()].sort();
}

describe('a branch', () => {
  test('ends with its exit and holds no layer past it', () => {
    for (const { exit, layers } of branchesOf(graph)) {
      expect(layers.at(-1)?.outputs).toEqual([exit]);
      const needed = new Set([exit]);
      for (const layer of layers.toReversed()) {
        expect(layer.outputs.some((name) => needed.has(name))).toBe(true);
        for (const name of layer.inputs) needed.add(name);
      }
    }
  });

  test('of exit 1, extracted, has none of the other exits’ layers and none of their weights', () => {
    const first = branchOf(graph, 'exit1');
    const whole = extractSegment(graph, 'exit1', [0, first.layers.length]);
    const extracted = parseModel(whole);
    expect(extracted.nodes.map((node) => node.name)).toEqual(first.layers.map((layer) => layer.name));
    const weights = graph.nodes.filter((node) => extracted.producers.has(node.outputs[0] ?? ''));
    expect(weightNames(whole)).toEqual(weights.flatMap((node) => node.constantInputs).sort());
    expect(whole.byteLength).toBeLessThan(first.layers.reduce((sum, layer) => sum + layer.parameterBytes, 0) + 8_192);
  });

  test('has N+1 cuts, from the model’s input to the exit', () => {
    for (const { exit, layers, cuts } of branchesOf(graph)) {
      expect(cuts).toHaveLength(layers.length + 1);
      expect(cuts[0]).toEqual(['input']);
      expect(cuts.at(-1)).toEqual([exit]);
    }
  });

  test('knows how much of another branch its own layers have run', () => {
    const [first, last] = [branchOf(graph, 'exit1'), branchOf(graph, 'exit5')];
    const shared = sharedLayers(last, last.layers.length, first);
    expect(shared).toBeGreaterThan(0);
    expect(shared).toBeLessThan(first.layers.length);
    expect(sharedLayers(last, 2, first)).toBe(2);
    expect(sharedLayers(first, first.layers.length, first)).toBe(first.layers.length);
  });

  test('of an unknown exit is refused', () => {
    expect(() => branchOf(graph, 'exit9')).toThrow(expect.objectContaining({ code: 'model-unknown-exit' }));
  });
});

describe('a split', () => {
  test('has no head at partition 0 and no tail at N', () => {
    const { layers } = branchOf(graph, 'exit2');
    expect(splitBranch(graph, 'exit2', 0)).toMatchObject({ head: null, cut: ['input'] });
    expect(splitBranch(graph, 'exit2', layers.length)).toMatchObject({ tail: null, cut: ['exit2'] });
  });

  test('gives each half the weights of its own layers alone, and the cut as outputs and inputs', () => {
    for (const whole of [graph, resnet, dense]) {
      for (const { exit, layers } of branchesOf(whole)) {
        const { head, tail, cut } = splitBranch(whole, exit, layers.length >> 1);
        if (head === null || tail === null) throw new Error('both halves have layers');
        expect(parseModel(head).exits.filter((name) => !cut.includes(name))).toEqual([]);
        expect(parseModel(tail).inputs).toEqual(cut);
        expect(parseModel(tail).exits).toEqual([exit]);
        const own = new Set(weightNames(head));
        expect(weightNames(tail).filter((name) => own.has(name))).toEqual([]);
      }
    }
  });

  test('crosses several tensors where connections skip layers', () => {
    for (const whole of [resnet, dense]) {
      const widths = branchesOf(whole).flatMap(({ cuts }) => cuts.map((cut) => cut.length));
      expect(Math.max(...widths)).toBeGreaterThan(1);
    }
  });

  test('out of range is refused, and so is an empty segment', () => {
    const outOfRange = expect.objectContaining({ code: 'partition-out-of-range' });
    const past = branchOf(graph, 'exit1').layers.length + 1;
    for (const partition of [-1, past, 1.5, Number.NaN]) {
      expect(() => splitBranch(graph, 'exit1', partition)).toThrow(outOfRange);
    }
    for (const range of [
      [3, 3],
      [4, 2],
      [0, 13],
      [-1, 2],
    ] as const) {
      expect(() => extractSegment(graph, 'exit1', range)).toThrow(outOfRange);
    }
  });

  test('keeps the name of the open batch dimension', () => {
    const { head } = splitBranch(graph, 'exit1', 3);
    const [input] = parseModel(head ?? new Uint8Array()).model.graph?.input ?? [];
    expect(input?.type?.tensorType?.shape?.dim[0]?.value).toEqual({ case: 'dimParam', value: 'batch' });
  });

  test('that lacks an input it needs is refused', () => {
    expect(() => extractTensors(graph, { inputs: [], outputs: ['exit1'] })).toThrow(
      expect.objectContaining({ code: 'model-graph-invalid' }),
    );
  });
});
