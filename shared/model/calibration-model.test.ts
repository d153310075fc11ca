import { expect, test } from 'vitest';
import { branchesOf } from './branches.ts';
import { calibrationChains } from './calibration-chains.ts';
import { calibrationModel } from './calibration-model.ts';
import { digestOf } from './model-package.ts';
import { parseModel } from './parse-model.ts';

const small = calibrationChains.slice(5, 8);

test('each chain is an exit with an input of its own and every layer in order', () => {
  const branches = branchesOf(parseModel(calibrationModel(small)));
  expect(branches.map(({ exit }) => exit)).toEqual(['chain1', 'chain2', 'chain3']);
  expect(branches.map(({ cuts }) => cuts[0])).toEqual([['input1'], ['input2'], ['input3']]);
  const types = branches.map(({ layers }) => layers.map(({ op }) => op).join(' '));
  expect(types[0]).toBe('Conv Relu Conv Add Relu AveragePool Conv Flatten Gemm');
  expect(types[2]).toBe('Conv Relu Concat Conv Relu Concat MaxPool Flatten Gemm');
});

test('layers have the sizes that the chain says', () => {
  const [branch] = branchesOf(parseModel(calibrationModel(small.slice(2))));
  expect(branch?.layers[3]?.settings).toMatchObject({ kernel: [3, 3], stride: [1, 1], filters: 20, filterDepth: 24 });
  expect(branch?.layers.at(-1)?.settings.inputFeatures).toBe(44 * 7 * 7);
});

test('the same chains give the same bytes, so that one digest names them everywhere', () => {
  expect(digestOf(calibrationModel(small))).toBe(digestOf(calibrationModel(small)));
});

test('the usual chains hold every layer type that is predicted, but dropout, which inference leaves out', () => {
  const layers = branchesOf(parseModel(calibrationModel())).flatMap((branch) => branch.layers);
  const types = new Set(layers.map(({ type }) => type));
  expect([...types].toSorted()).toEqual(['conv', 'fc', 'lrn', 'other', 'pool', 'relu']);
});
