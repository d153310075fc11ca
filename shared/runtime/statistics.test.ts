import fc from 'fast-check';
import { expect, test } from 'vitest';
import { median, percentile } from './statistics.ts';

const numbers = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 50 });

test('a percentile lies linearly between the neighbours that it falls between', () => {
  expect([0, 0.25, 0.5, 0.9, 1].map((share) => percentile([40, 10, 30, 20], share))).toEqual([10, 17.5, 25, 37, 40]);
});

test('percentiles compare numbers, not their texts', () => {
  expect(median([100, 9, 20])).toBe(20);
});

test('of no values it is 0, of one that value', () => {
  expect([median([]), percentile([], 0.99), percentile([7], 0), percentile([7], 0.99)]).toEqual([0, 0, 7, 7]);
});

test('a percentile lies within the values, rises with its share and leaves the values as they are', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(numbers, share, share, (values, a, b) => {
      const before = [...values];
      const [low, high] = [percentile(values, Math.min(a, b)), percentile(values, Math.max(a, b))];
      expect(low).toBeGreaterThanOrEqual(Math.min(...values));
      expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      expect(low).toBeLessThanOrEqual(high + 1e-9);
      expect(values).toEqual(before);
    }),
  );
});

test('the median of an odd count is the middle value', () => {
  fc.assert(
    fc.property(
      numbers.filter((values) => values.length % 2 === 1),
      (values) => {
        // Compared by ===, for which 0 and −0 are the same.
        expect(median(values) === values.toSorted((a, b) => a - b)[(values.length - 1) / 2]).toBe(true);
      },
    ),
  );
});
