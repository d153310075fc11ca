import { expect, test } from 'vitest';
import { createFrameOverhead } from './frame-overhead.ts';

const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

function after(...observed: number[]): number {
  const overhead = createFrameOverhead();
  for (const ms of observed) overhead.observe(ms);
  return overhead.ms();
}

test('counts for nothing before frames have shown it', () => {
  expect(after()).toBe(0);
  expect(after(40, 3)).toBe(0);
});

test('is what frames take besides their plans, and follows it up and down within twelve of them', () => {
  expect(after(...times(10, 0.5))).toBe(0.5);
  expect(after(...times(12, 0.5), ...times(12, 2))).toBe(2);
  expect(after(...times(12, 2), ...times(12, 0.5))).toBe(0.5);
});

test('is not moved by frames that were held up, be they half of all', () => {
  expect(after(...times(12, 0.5), 300, 300, 300)).toBe(0.5);
  expect(after(...times(12, 0.5).flatMap((ms) => [ms, 20]))).toBe(0.5);
});

test('is never below zero, and learns nothing from what is no time', () => {
  expect(after(...times(12, -1))).toBe(0);
  expect(after(...times(12, 1), ...times(12, Number.NaN), Number.POSITIVE_INFINITY)).toBe(1);
});
