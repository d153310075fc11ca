import { expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import type { RateSample } from './link-monitor.ts';
import { createRateMeasurement } from './rate-measurement.ts';

const whole = (mbps: number): RateSample => ({ mbps, bytes: 1000, isMissing: false });
const missing = (mbps: number): RateSample => ({ mbps, bytes: 1000, isMissing: true });

/** @returns the measurements of samples that come this far apart, ms */
function measure(samples: readonly RateSample[], gapMs = 0): (number | undefined)[] {
  const clock: FakeClock = createFakeClock();
  const measurement = createRateMeasurement(clock);
  const ended = samples.map((sample) => {
    const mbps = measurement.observe(sample);
    clock.advance(gapMs);
    return mbps;
  });
  return [...ended, measurement.take(true)].filter((mbps) => mbps !== undefined);
}

test('a whole reply takes the place of a missing one that was far off, whether it is slow or fast', () => {
  expect(measure([whole(4), missing(0.1), whole(4)])).toEqual([expect.closeTo(4, 9)]);
  // 16,000 bits in 2 + 40 ms: what the late reply told, and not what its absence did.
  expect(measure([whole(4), missing(0.1), whole(0.2)])).toEqual([expect.closeTo(16 / 42, 9)]);
});

test('it does so however long it comes after it', () => {
  expect(measure([whole(4), missing(0.1), whole(4)], 1000)).toEqual([4, 4].map((mbps) => expect.closeTo(mbps, 9)));
});

test('a missing reply that is not far below the last whole one counts at once', () => {
  // 16,000 bits in 2 + 8 ms.
  expect(measure([whole(4), missing(1)])).toEqual([expect.closeTo(1.6, 9)]);
  expect(measure([whole(4), missing(0.99)])).toEqual([expect.closeTo(4, 9)]);
});

test('a second missing reply bears the first one out, a third one the second', () => {
  expect(measure([missing(0.1)])).toEqual([]);
  expect(measure([missing(0.1), missing(0.2)])).toEqual([expect.closeTo(0.1, 9)]);
  // 16,000 bits in 80 + 40 ms.
  expect(measure([missing(0.1), missing(0.2), missing(0.4), whole(0.1)])).toEqual([expect.closeTo(24 / 200, 9)]);
});
