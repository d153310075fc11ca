import { expect, test } from 'vitest';
import { seededRandom, shuffled } from './random.ts';

const numbers = Array.from({ length: 50 }, (_, index) => index);

test('shuffling keeps every item and leaves the list as it is', () => {
  const list = [...numbers];
  const order = shuffled(list, seededRandom(1));
  expect(list).toEqual(numbers);
  expect(order).not.toEqual(numbers);
  expect(order.toSorted((a, b) => a - b)).toEqual(numbers);
});

test('the same seed gives the same order, another seed another one', () => {
  expect(shuffled(numbers, seededRandom(1))).toEqual(shuffled(numbers, seededRandom(1)));
  expect(shuffled(numbers, seededRandom(1))).not.toEqual(shuffled(numbers, seededRandom(2)));
});
