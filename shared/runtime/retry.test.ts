import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitterDelayMs } from './retry.ts';

const attempt = { failures: fc.integer({ min: 1, max: 10_000 }), maxDelayMs: fc.integer({ min: 1, max: 60_000 }) };
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a delay lies between 0 and a cap that doubles with each failure up to the largest', () => {
  fc.assert(
    fc.property(attempt.failures, attempt.maxDelayMs, share, (failures, maxDelayMs, random) => {
      const delayMs = fullJitterDelayMs(failures, maxDelayMs, () => random);
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(Math.min(maxDelayMs, 100 * 2 ** failures));
    }),
  );
  const caps = [1, 2, 3, 4, 5, 6].map((failures) => fullJitterDelayMs(failures, 2000, () => 1));
  expect(caps).toEqual([200, 400, 800, 1600, 2000, 2000]);
});

test('every delay up to the cap is equally likely', () => {
  expect([0, 0.25, 0.5, 0.75].map((random) => fullJitterDelayMs(9, 1000, () => random))).toEqual([0, 250, 500, 750]);
});

test('the first cap can be chosen: what must not come back at once begins with a long one', () => {
  expect([1, 2, 3, 4].map((failures) => fullJitterDelayMs(failures, 5000, () => 1, 1000))).toEqual([
    1000, 2000, 4000, 5000,
  ]);
});
