import type { Layer } from './branches.ts';
import type { TensorShapes } from './shapes.ts';

/** Operators that only rename or drop axes: nothing is computed. */
const free = new Set([
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Dropout',
  'Shape',
  'Constant',
  'Split',
]);

/**
 * Floating-point operations of a layer at batch 1; a multiplication and an addition count as two.
 * Convolution and fully connected layers count their products and bias, pooling its window, local response
 * normalisation its squares, sum and power (counted as one), element-wise layers one an element of their output.
 * @returns 0 for layers whose output shape is unknown
 */
export function flopsOf(layer: Layer, shapes: TensorShapes): number {
  const outputElements = elementsOf(layer.outputs[0], shapes);
  const { kernel = [], filterDepth, inputFeatures, size = 0 } = layer.settings;
  const window = kernel.reduce((product, side) => product * side, 1);
  if (free.has(layer.op)) return 0;
  switch (layer.type) {
    case 'conv':
      return outputElements * 2 * window * (filterDepth ?? 1);
    case 'fc':
      return outputElements * 2 * (inputFeatures ?? lastDimension(layer.inputs[0], shapes));
    case 'pool':
      return kernel.length > 0 ? outputElements * window : elementsOf(layer.inputs[0], shapes);
    case 'lrn':
      return outputElements * (2 * size + 2);
    case 'relu':
    case 'dropout':
    case 'other':
      return outputElements;
  }
}

/** @returns elements of a tensor at batch 1, 0 where its shape is unknown */
export function elementsOf(name: string | undefined, shapes: TensorShapes): number {
  const dims = name === undefined ? undefined : shapes.get(name)?.dims;
  return dims === undefined ? 0 : dims.reduce((product, dimension) => product * dimension, 1);
}

function lastDimension(name: string | undefined, shapes: TensorShapes): number {
  return (name === undefined ? undefined : shapes.get(name)?.dims.at(-1)) ?? 0;
}
