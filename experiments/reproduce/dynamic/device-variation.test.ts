import { expect, test } from 'vitest';
import { variationOf } from './device-variation.ts';

test('times vary by their standard deviation over their mean', () => {
  expect(variationOf([10, 10, 10])).toBe(0);
  expect(variationOf([9, 11])).toBeCloseTo(0.1, 9);
});
