import { join } from 'node:path';
import { digestOf } from '../../shared/model/model-package.ts';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { buildOnnx } from '../../shared/testing/build-onnx.ts';

/**
 * Writes a model package of a few hundred bytes.
 * @param layers tells packages of one name apart
 * @param op of all layers
 * @returns its digest
 */
export async function writePackage(folder: string, name: string, layers = 1, op = 'Relu'): Promise<string> {
  const nodes = Array.from({ length: layers }, (_, index) => ({
    op,
    inputs: [index === 0 ? 'x' : `t${index}`],
    outputs: [index === layers - 1 ? 'exit1' : `t${index + 1}`],
  }));
  const bytes = buildOnnx({ nodes, outputs: ['exit1'] });
  const manifest = {
    formatVersion: 1,
    name,
    version: `1.0.${layers}`,
    file: 'model.onnx',
    digest: digestOf(bytes),
    input: { name: 'x', dtype: 'float32', shape: [1, 1, 4] },
    preprocessing: {
      resize: { width: 4, height: 1, kernel: 'linear' },
      channels: 'RGB',
      layout: 'NCHW',
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    labels: ['a', 'b', 'c', 'd'],
    exits: [{ name: 'exit1', paperLayers: layers, nodes: layers }],
    training: {},
  };
  await writeAtomically(join(folder, name, 'model.onnx'), bytes);
  await writeAtomically(join(folder, name, 'manifest.json'), JSON.stringify(manifest));
  return manifest.digest;
}
