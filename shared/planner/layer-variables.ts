import type { DescribedLayer } from '../model/describe-model.ts';

/**
 * What latency is regressed on: `paper` has the variables that the paper names, `extended` adds what its convolutions
 * and fully connected layers compute and read.
 */
export type VariableForm = 'paper' | 'extended';

/** Variables of one layer by name; sizes are in elements at batch 1, `perLayer` is always 1. */
export type Variables = Readonly<Record<string, number>>;

/**
 * The independent variables of f(L) for the layer's type.
 *
 *   conv                 paper: input feature maps, (filter size / stride)² × filters
 *                        extended: FLOPs, input size, output size, parameters
 *   relu, lrn, dropout   input size
 *   pool                 input size, output size; extended: and window × output size
 *   fc                   input size, output size; extended: and parameters, for reading those is most of its time
 *   other                input size (the paper has no such layers)
 *
 * @see Li et al., "Edge AI", IEEE TWC 2020, section IV, the table of independent variables
 */
export function layerVariables(layer: DescribedLayer, form: VariableForm): Variables {
  const { type, inputElements: inputSize, outputElements: outputSize, parameterCount: parameters, flops } = layer;
  const perLayer = 1;
  switch (type) {
    case 'conv':
      if (form === 'paper') return { perLayer, ...paperConvolution(layer) };
      return { perLayer, flops, inputSize, outputSize, parameters };
    case 'pool':
      return { perLayer, inputSize, outputSize, ...(form === 'extended' && { flops }) };
    case 'fc':
      return { perLayer, inputSize, outputSize, ...(form === 'extended' && { parameters }) };
    case 'relu':
    case 'lrn':
    case 'dropout':
    case 'other':
      return { perLayer, inputSize };
  }
}

function paperConvolution({ settings }: DescribedLayer): Variables {
  const { kernel = [], stride = [], filters = 0, filterDepth = 0, group = 1 } = settings;
  const sizeByStride = kernel.reduce((product, side, axis) => (product * side) / (stride[axis] ?? 1), 1);
  return { inputMaps: filterDepth * group, filterWork: sizeByStride * filters };
}
