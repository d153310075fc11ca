import { expect, test } from 'vitest';
import { measurementNoise } from './measurement-noise.ts';

test('noise is positive, has mean 1 and the variation that was asked for', () => {
  const factorAt = measurementNoise(0.2, 7);
  const factors = Array.from({ length: 100 }, (_, trace) => Array.from({ length: 200 }, (_, t) => factorAt(trace, t)));
  const all = factors.flat();
  const mean = all.reduce((sum, factor) => sum + factor, 0) / all.length;
  const variance = all.reduce((sum, factor) => sum + (factor - mean) ** 2, 0) / all.length;
  expect(Math.min(...all)).toBeGreaterThan(0);
  expect(Math.abs(mean - 1)).toBeLessThan(0.01);
  expect(Math.abs(Math.sqrt(variance) - 0.2)).toBeLessThan(0.01);
});

test('noise follows from seed, trace and second alone, and is another for each of them', () => {
  const factorAt = measurementNoise(0.2, 7);
  expect(factorAt(3, 5)).toBe(measurementNoise(0.2, 7)(3, 5));
  const others = [factorAt(3, 6), factorAt(4, 5), factorAt(5, 3), measurementNoise(0.2, 8)(3, 5), factorAt(3, 5)];
  expect(new Set(others).size).toBe(others.length);
});

test('an exact measurement has none', () => {
  const factorAt = measurementNoise(0, 7);
  expect([0, 1, 2].map((second) => factorAt(second, second))).toEqual([1, 1, 1]);
});
