import { expect, test } from 'vitest';
import { entropyOf } from './entropy.ts';

test('is ln C where all of C labels have the same, however large their outputs', () => {
  for (const value of [0, -1e30, 1e30]) {
    expect(entropyOf(new Float32Array(10).fill(value))).toBeCloseTo(Math.log(10), 12);
  }
});

test('is 0 where one label has it all', () => {
  expect(entropyOf(Float32Array.from([1000, 0, -1000]))).toBe(0);
  expect(entropyOf(Float32Array.from([Number.NEGATIVE_INFINITY, 3]))).toBe(0);
  expect(entropyOf(Float32Array.from([7]))).toBe(0);
});

test('is that of the softmax’s shares, worked out term by term', () => {
  const shares = [0.7, 0.2, 0.1];
  const expected = -shares.reduce((sum, p) => sum + p * Math.log(p), 0);
  expect(entropyOf(Float32Array.from(shares, Math.log))).toBeCloseTo(expected, 6);
});

test('is no number where an output is none, which is below no threshold', () => {
  expect(entropyOf(Float32Array.from([1, Number.NaN]))).toBeNaN();
  expect(entropyOf(new Float32Array())).toBeNaN();
});
