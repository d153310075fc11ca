import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countMissing, includesRange, type SequenceRange, withRange } from './sequence-ranges.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 12 }))
  .map(([first, more]): SequenceRange => ({ first, last: first + more }));

function numbersOf({ first, last }: SequenceRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test('a set of ranges behaves as a set of numbers, whatever the order in which they come', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), range, (added, asked) => {
      const ranges = added.reduce<SequenceRange[]>(withRange, []);
      const numbers = new Set(added.flatMap(numbersOf));
      expect(ranges.flatMap(numbersOf)).toEqual([...numbers].sort((one, other) => one - other));
      expect(ranges.every(({ first }, index) => index === 0 || first > (ranges[index - 1]?.last ?? 0) + 1)).toBe(true);
      const missing = numbersOf(asked).filter((number) => !numbers.has(number));
      expect(countMissing(ranges, asked)).toBe(missing.length);
      expect(includesRange(ranges, asked)).toBe(missing.length === 0);
    }),
  );
});

test('ranges that touch become one', () => {
  const apart = [
    { first: 1, last: 3 },
    { first: 5, last: 9 },
  ];
  expect(withRange(apart, { first: 4, last: 4 })).toEqual([{ first: 1, last: 9 }]);
  expect(withRange(apart, { first: 11, last: 11 })).toEqual([...apart, { first: 11, last: 11 }]);
});
