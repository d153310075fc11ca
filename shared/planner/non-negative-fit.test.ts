import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.ts';
import { type FitRow, fitNonNegative, qualityOf, weightedSum } from './non-negative-fit.ts';

const truth = { a: 3e-7, b: 0.2, c: 0 };

function rowsOf(count: number, noise = 0): FitRow[] {
  const random = seededRandom(7);
  return Array.from({ length: count }, () => {
    const variables = { a: 1e6 * random(), b: 1 + 9 * random(), c: 5 * random() };
    return { variables, ms: weightedSum(truth, variables) * (1 + noise * (random() - 0.5)) };
  });
}

test('coefficients that made the times are found again, however different their units', () => {
  const found = fitNonNegative(rowsOf(40));
  expect(found['a']).toBeCloseTo(truth.a, 10);
  expect(found['b']).toBeCloseTo(truth.b, 4);
  expect(found['c']).toBeCloseTo(truth.c, 4);
});

test('a variable that would need a negative coefficient gets none', () => {
  const rows = Array.from({ length: 20 }, (_, i) => ({ variables: { one: 1, falling: i }, ms: 10 - i / 4 }));
  expect(fitNonNegative(rows)['falling']).toBe(0);
});

test('quality tells median and 90th percentile of the relative error', () => {
  const rows = [1, 2, 4].map((ms) => ({ variables: { one: 1 }, ms }));
  const quality = qualityOf(rows, { one: 2 }, 1);
  expect(quality).toEqual({ observations: 3, underdetermined: false, medianError: 0.5, p90Error: 0.9 });
  const noisy = rowsOf(60, 0.2);
  expect(qualityOf(noisy, fitNonNegative(noisy), 3).p90Error).toBeLessThan(0.1);
});

test('fewer rows than variables are fitted exactly and said to be so', () => {
  const rows = rowsOf(2);
  const quality = qualityOf(rows, fitNonNegative(rows), 3);
  expect(quality.underdetermined).toBe(true);
  expect(quality.p90Error).toBeLessThan(1e-3);
});

test('nothing is fitted to nothing', () => {
  expect(fitNonNegative([])).toEqual({});
});

test('whatever the rows, coefficients are finite and not negative, and better than none', () => {
  const value = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e9, noNaN: true }));
  const row = fc.record({
    variables: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), value, { minKeys: 1 }),
    ms: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (rows) => {
      const coefficients = fitNonNegative(rows);
      for (const coefficient of Object.values(coefficients)) {
        expect(Number.isFinite(coefficient)).toBe(true);
        expect(coefficient).toBeGreaterThanOrEqual(0);
      }
      const loss = rows.reduce(
        (sum, { variables, ms }) => sum + (weightedSum(coefficients, variables) / ms - 1) ** 2,
        0,
      );
      expect(loss).toBeLessThanOrEqual(rows.length * (1 + 1e-6));
    }),
    { seed: 11, numRuns: 1000 },
  );
});
