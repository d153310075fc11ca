import { expect, test } from 'vitest';
import type { DescribedLayer } from '../model/describe-model.ts';
import { type SmallLayer, smallModel } from '../testing/small-models.ts';
import { layerVariables } from './layer-variables.ts';

const sizes = { inputElements: 300, outputElements: 70, parameterCount: 21, flops: 900 };

function layer(small: SmallLayer): DescribedLayer {
  const [described] = smallModel([small]).branches[0]?.layers ?? [];
  if (described === undefined) throw new Error('no layer');
  return described;
}

test('a convolution has the paper’s variables: input feature maps and (filter size / stride)² × filters', () => {
  const settings = { kernel: [5, 5], stride: [2, 2], filters: 32, filterDepth: 3, group: 2 };
  expect(layerVariables(layer({ type: 'conv', ...sizes, settings }), 'paper')).toEqual({
    perLayer: 1,
    inputMaps: 6,
    filterWork: (5 / 2) ** 2 * 32,
  });
});

test('a convolution without known weights has variables all the same', () => {
  expect(layerVariables(layer({ type: 'conv' }), 'paper')).toEqual({ perLayer: 1, inputMaps: 0, filterWork: 0 });
});

test('a convolution is extended by what it computes and reads', () => {
  expect(layerVariables(layer({ type: 'conv', ...sizes }), 'extended')).toEqual({
    perLayer: 1,
    flops: 900,
    inputSize: 300,
    outputSize: 70,
    parameters: 21,
  });
});

test.each(['relu', 'lrn', 'dropout', 'other'] as const)('%s depends on its input size alone, in both forms', (type) => {
  const variables = { perLayer: 1, inputSize: 300 };
  expect(layerVariables(layer({ type, ...sizes }), 'paper')).toEqual(variables);
  expect(layerVariables(layer({ type, ...sizes }), 'extended')).toEqual(variables);
});

test('pool and fc depend on input and output size, extended by window and parameters', () => {
  const variables = { perLayer: 1, inputSize: 300, outputSize: 70 };
  expect(layerVariables(layer({ type: 'pool', ...sizes }), 'paper')).toEqual(variables);
  expect(layerVariables(layer({ type: 'pool', ...sizes }), 'extended')).toEqual({ ...variables, flops: 900 });
  expect(layerVariables(layer({ type: 'fc', ...sizes }), 'paper')).toEqual(variables);
  expect(layerVariables(layer({ type: 'fc', ...sizes }), 'extended')).toEqual({ ...variables, parameters: 21 });
});
