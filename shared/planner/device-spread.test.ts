import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDeviceSpread } from './device-spread.ts';

/** Tables that are right. */
const known = { of: () => 0, assumed: () => 0 };

test('times that are as predicted, or shorter, leave nothing for the slowest', () => {
  const spread = createDeviceSpread(known);
  expect(spread.value()).toBe(1);
  for (let i = 0; i < 50; i += 1) spread.observe('head', 100, 100 - i);
  expect(spread.value()).toBe(1);
});

test('is what 99 of a hundred runs stay below, of the last thousand', () => {
  const spread = createDeviceSpread(known);
  for (let i = 0; i < 1000; i += 1) spread.observe('head', 100, i % 100 < 2 ? 150.5 : 100);
  expect(spread.value()).toBeCloseTo(1.5, 9);
  for (let i = 0; i < 1000; i += 1) spread.observe('head', 100, i % 200 === 0 ? 150.5 : 100);
  expect(spread.value()).toBe(1);
});

test('one run that was held up counts while there are few, and for what it is: segments of any length are compared', () => {
  const spread = createDeviceSpread(known);
  spread.observe('head', 10, 12.5);
  spread.observe('head', 200, 200);
  expect(spread.value()).toBeCloseTo(1.2, 1);
});

test('a thread that is woken late makes no short segment slow', () => {
  const spread = createDeviceSpread(known);
  for (let i = 0; i < 100; i += 1) spread.observe('head', 0.2, 0.6);
  expect(spread.value()).toBe(1);
});

test('is at least 1 and finite, whatever is observed; what is no time tells nothing', () => {
  const any = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(fc.tuple(any, any)), (runs) => {
      const spread = createDeviceSpread(known);
      for (const [expected, measured] of runs) spread.observe('head', expected, measured);
      expect(spread.value()).toBeGreaterThanOrEqual(1);
      expect(Number.isFinite(spread.value())).toBe(true);
    }),
  );
});

test('what is found to be a segment’s own slowness is none, also of the runs before it was known', () => {
  const levels = new Map([['tail', 0]]);
  const spread = createDeviceSpread({ of: (segment) => levels.get(segment), assumed: () => 0 });
  for (let i = 0; i < 4; i += 1) spread.observe('head', 100, 150.5);
  spread.observe('tail', 100, 110.5);
  expect(spread.value()).toBeCloseTo(1.1, 9);
  levels.set('head', Math.log(1.4));
  spread.observe('head', 140, 140.5);
  expect(spread.value()).toBeCloseTo(1.1, 2);
});

test('what was no longer than predicted is not made so by a segment that has become faster since', () => {
  const levels = new Map([['head', Math.log(2)]]);
  const spread = createDeviceSpread({ of: (segment) => levels.get(segment), assumed: () => 0 });
  for (let i = 0; i < 20; i += 1) spread.observe('head', 200, 200.5);
  levels.set('head', 0);
  spread.observe('head', 100, 100.5);
  expect(spread.value()).toBe(1);
});

test('begins anew with other tables', () => {
  const spread = createDeviceSpread(known);
  spread.observe('head', 100, 300);
  spread.reset();
  expect(spread.value()).toBe(1);
});
