import { expect, test } from 'vitest';
import { createDurationEstimate } from './duration-estimate.ts';

test('an estimate follows what is observed', () => {
  const estimate = createDurationEstimate();
  for (let i = 0; i < 40; i += 1) estimate.observe(i < 20 ? 2 : 6);
  expect(estimate.ms).toBeGreaterThan(5.5);
  expect(estimate.ms).toBeLessThanOrEqual(6);
});

test('one outlier moves it by a fifth at most', () => {
  const estimate = createDurationEstimate(2);
  estimate.observe(1000);
  expect(estimate.ms).toBeCloseTo(2.4);
});

test('an estimate too large is forgotten while it turns work away', () => {
  const estimate = createDurationEstimate(100);
  for (let i = 0; i < 100; i += 1) estimate.refused();
  expect(estimate.ms).toBeLessThan(10);
});
