import { expect, test } from 'vitest';
import { nearestWord } from './nearest-word.ts';

test.each([
  ['limti', 'limit'],
  ['LIMIT', 'limit'],
  ['limits', 'limit'],
  ['curser', 'cursor'],
  ['', undefined],
  ['page', undefined],
  ['x'.repeat(100_000), undefined],
])('"%.20s" may have been meant for %s', (written, expected) => {
  expect(nearestWord(written, ['cursor', 'limit'])).toBe(expected);
});

test('a short word is near to no other one, and nothing is known to be near to anything', () => {
  expect(nearestWord('ab', ['cd'])).toBeUndefined();
  expect(nearestWord('id', ['is'])).toBeUndefined();
  expect(nearestWord('limit', [])).toBeUndefined();
});
