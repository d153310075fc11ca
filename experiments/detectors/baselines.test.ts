import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BandwidthState, stateOf } from '../../shared/planner/bandwidth-states.ts';
import { createNearestState } from './nearest-state.ts';
import { createWeightedAverage } from './weighted-average.ts';

const states: BandwidthState[] = [0, 1, 2, 4, 8].map((fromMbps) => ({ mbps: fromMbps + 0.5, fromMbps }));
const series = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 40 });

test('the nearest state is that of the sample, whatever came before', () => {
  fc.assert(
    fc.property(series, (samples) => {
      const detector = createNearestState(states);
      expect(samples.map((mbps) => detector.observe(mbps))).toEqual(samples.map((mbps) => stateOf(states, mbps)));
    }),
  );
});

test('an average with weight 1 is the nearest state', () => {
  fc.assert(
    fc.property(series, (samples) => {
      const [average, nearest] = [createWeightedAverage({ states, weight: 1 }), createNearestState(states)];
      expect(samples.map((mbps) => average.observe(mbps))).toEqual(samples.map((mbps) => nearest.observe(mbps)));
    }),
  );
});

test('an average begins at the first sample and moves by its weight', () => {
  const detector = createWeightedAverage({ states, weight: 0.5 });
  // The average: 8, 4.5, 2.75, 1.875.
  expect([8, 1, 1, 1].map((mbps) => detector.observe(mbps))).toEqual([4, 3, 2, 1]);
});

test('with a margin, a higher state is entered later and a lower one at once', () => {
  const detector = createWeightedAverage({ states, weight: 1, riseMargin: 0.25 });
  expect([3, 4.5, 5, 3.9, 4.5].map((mbps) => detector.observe(mbps))).toEqual([2, 2, 3, 2, 2]);
});

test('what is no bandwidth is refused and leaves no trace', () => {
  const detector = createWeightedAverage({ states, weight: 0.5 });
  detector.observe(8);
  for (const mbps of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => detector.observe(mbps)).toThrow(expect.objectContaining({ code: 'bandwidth-invalid' }));
    expect(() => createNearestState(states).observe(mbps)).toThrow(
      expect.objectContaining({ code: 'bandwidth-invalid' }),
    );
  }
  expect(detector.observe(1)).toBe(3);
});
