import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDeviceSpread } from './device-spread.ts';

test('times that are as predicted, or shorter, leave nothing for the slowest', () => {
  const spread = createDeviceSpread();
  expect(spread.value()).toBe(1);
  for (let i = 0; i < 50; i += 1) spread.observe(100, 100 - i);
  expect(spread.value()).toBe(1);
});

test('is what 99 of a hundred runs stay below, of the last thousand', () => {
  const spread = createDeviceSpread();
  for (let i = 0; i < 1000; i += 1) spread.observe(100, i % 100 < 2 ? 150.5 : 100);
  expect(spread.value()).toBeCloseTo(1.5, 9);
  for (let i = 0; i < 1000; i += 1) spread.observe(100, i % 200 === 0 ? 150.5 : 100);
  expect(spread.value()).toBe(1);
});

test('one run that was held up counts while there are few, and for what it is: segments of any length are compared', () => {
  const spread = createDeviceSpread();
  spread.observe(10, 12.5);
  spread.observe(200, 200);
  expect(spread.value()).toBeCloseTo(1.2, 1);
});

test('a thread that is woken late makes no short segment slow', () => {
  const spread = createDeviceSpread();
  for (let i = 0; i < 100; i += 1) spread.observe(0.2, 0.6);
  expect(spread.value()).toBe(1);
});

test('is at least 1 and finite, whatever is observed; what is no time tells nothing', () => {
  const any = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(fc.tuple(any, any)), (runs) => {
      const spread = createDeviceSpread();
      for (const [expected, measured] of runs) spread.observe(expected, measured);
      expect(spread.value()).toBeGreaterThanOrEqual(1);
      expect(Number.isFinite(spread.value())).toBe(true);
    }),
  );
});

test('begins anew with other tables', () => {
  const spread = createDeviceSpread();
  spread.observe(100, 300);
  spread.reset();
  expect(spread.value()).toBe(1);
});
