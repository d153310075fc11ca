import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOnnxSession } from '../../shared/adapters/onnx-session.ts';
import { branchesOf } from '../../shared/model/branches.ts';
import type { ModelGraph } from '../../shared/model/graph.ts';
import type { Manifest } from '../../shared/model/manifest.ts';
import { digestOf, type ModelPackage, readPackage } from '../../shared/model/model-package.ts';
import { parseModel } from '../../shared/model/parse-model.ts';
import { inputDims } from '../../shared/model/shapes.ts';
import { extractSegment } from '../../shared/model/split.ts';
import type { Tensor } from '../../shared/model/tensor.ts';

const root = join(import.meta.dirname, '../../..');

/** @returns the five-exit AlexNet that comes with the platform */
export function readAlexNet(): Promise<ModelPackage> {
  return readPackage(join(root, 'models/branchy-alexnet-32'));
}

/** @returns a small model whose cuts hold several tensors, with a manifest made up for it */
export async function readResNet(): Promise<Pick<ModelPackage, 'manifest' | 'bytes' | 'graph'>> {
  const bytes = await readFile(join(root, 'shared/model/fixtures/branchy-resnet.onnx'));
  const graph = parseModel(bytes);
  const name = graph.inputs[0] ?? '';
  const manifest: Manifest = {
    formatVersion: 1,
    name: 'branchy-resnet',
    version: '1.0.0',
    file: 'model.onnx',
    digest: digestOf(bytes),
    input: { name, dtype: 'float32', shape: inputDims(graph, name, 1)?.slice(1) ?? [] },
    preprocessing: {
      resize: { width: 32, height: 32, kernel: 'linear' },
      channels: 'RGB',
      layout: 'NCHW',
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    labels: ['one', 'other'],
    exits: branchesOf(graph).map(({ exit, layers }) => ({
      name: exit,
      paperLayers: layers.length,
      nodes: layers.length,
    })),
    training: {},
  };
  return { manifest, bytes, graph };
}

/** Runs parts of a model in this process: what the worker's answers are compared with. */
export interface LocalRuns {
  /** @returns the tensors of cut `to` from those of cut `from` */
  run(exit: string, range: readonly [from: number, to: number], tensors: readonly Tensor[]): Promise<Tensor[]>;
  /** @returns an input, the same for the same seed */
  input(seed: number): Tensor;
}

export function createLocalRuns(graph: ModelGraph): LocalRuns {
  const branches = branchesOf(graph);
  return {
    async run(exit, range, tensors) {
      const [from, to] = range;
      const { cuts } = branches.find((branch) => branch.exit === exit) ?? { cuts: [] };
      if (from === to) return [...tensors];
      const session = await createOnnxSession(extractSegment(graph, exit, range));
      const feeds = (cuts[from] ?? []).flatMap((name, i) => {
        const tensor = tensors[i];
        return tensor === undefined ? [] : [[name, { data: tensor.data.slice(), dims: tensor.dims }] as const];
      });
      const outputs = await session.run(Object.fromEntries(feeds));
      await session.release();
      return (cuts[to] ?? []).flatMap((name) => outputs[name] ?? []);
    },
    input(seed) {
      const dims = inputDims(graph, graph.inputs[0] ?? '', 1) ?? [];
      const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
      for (let i = 0; i < data.length; i += 1) data[i] = Math.sin(seed + i * (0.37 + seed));
      return { data, dims };
    },
  };
}
