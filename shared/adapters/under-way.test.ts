import { expect, test } from 'vitest';
import { createUnderWay } from './under-way.ts';

/** What is under way on a connection whose questions a test answers. */
function connection() {
  let written = 0;
  let signs = 0;
  const underWay = createUnderWay(() => {
    written += 1;
  });
  underWay.onRead(() => {
    signs += 1;
  });
  return { underWay, written: () => written, signs: () => signs };
}

test('what was published is under way until a question behind it is answered', () => {
  const { underWay, signs } = connection();
  underWay.publishes(100);
  underWay.ask();
  underWay.publishes(30);
  expect([underWay.bytes(), underWay.published()]).toEqual([130, 130]);
  underWay.answered();
  expect([underWay.bytes(), signs()]).toEqual([30, 1]);
  underWay.ask();
  underWay.answered();
  expect([underWay.bytes(), signs()]).toEqual([0, 2]);
});

test('one question is enough for what was published so far, and none for nothing', () => {
  const { underWay, written } = connection();
  underWay.ask();
  expect(written()).toBe(0);
  underWay.publishes(10);
  underWay.ask();
  underWay.ask();
  expect(written()).toBe(1);
  underWay.publishes(10);
  underWay.ask();
  expect(written()).toBe(2);
});

test('the answer to a question of the keepalive tells of what was published before it, not of what came after', () => {
  const { underWay } = connection();
  underWay.publishes(10);
  underWay.asked();
  underWay.publishes(20);
  underWay.ask();
  underWay.answered();
  expect(underWay.bytes()).toBe(20);
  underWay.answered();
  expect(underWay.bytes()).toBe(0);
});

test('an answer from beyond the broker tells of all up to its place, and later signs take nothing back', () => {
  const { underWay, signs } = connection();
  underWay.publishes(10);
  underWay.ask();
  underWay.publishes(20);
  const place = underWay.published();
  underWay.publishes(5);
  underWay.wasRead(place);
  expect([underWay.bytes(), signs()]).toEqual([5, 1]);
  underWay.answered();
  expect([underWay.bytes(), signs()]).toEqual([5, 1]);
});

test('nothing is under way on a connection that was lost, and its questions are not those of the next', () => {
  const { underWay, signs } = connection();
  underWay.publishes(10);
  underWay.ask();
  underWay.lost();
  expect([underWay.bytes(), signs()]).toEqual([0, 1]);
  underWay.publishes(7);
  underWay.answered();
  expect(underWay.bytes()).toBe(7);
  underWay.ask();
  underWay.answered();
  expect(underWay.bytes()).toBe(0);
});
