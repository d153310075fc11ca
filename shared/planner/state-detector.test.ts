import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultRiseMargin } from '../protocol/detector-settings.ts';
import { seededRandom } from '../runtime/random.ts';
import { createNoise } from '../testing/bandwidth-series.ts';
import { type BandwidthState, followState } from './bandwidth-states.ts';
import { createStateDetector, type StateDetector } from './state-detector.ts';

/** Begin at 0, 1, 2, 4 and 8 Mbit/s. */
const states: BandwidthState[] = [0, 1, 2, 4, 8].map((fromMbps) => ({ mbps: fromMbps + 0.5, fromMbps }));

function observeAll(detector: StateDetector, count: number, sample: () => number): number[] {
  return Array.from({ length: count }, () => detector.observe(sample()));
}

function switchesIn(sequence: readonly number[]): number {
  return sequence.filter((state, i) => i > 0 && state !== sequence[i - 1]).length;
}

describe('the state', () => {
  test('is that of the first sample, and of the mean of the run that a change begins', () => {
    const detector = createStateDetector({ states });
    expect(detector.observe(5)).toBe(3);
    observeAll(detector, 30, () => 5);
    expect(observeAll(detector, 3, () => 0.4).at(-1)).toBe(0);
    expect(observeAll(detector, 3, () => 11).at(-1)).toBe(4);
  });

  test('stays through noise, where every single sample would have another', () => {
    const random = seededRandom(1);
    const noise = createNoise('log-normal', 0.2, random);
    const detector = createStateDetector({ states });
    const settled = observeAll(detector, 1000, () => 2.8 * noise()).slice(10);
    expect(new Set(settled)).toEqual(new Set([2]));
  });

  test('does not go to and fro where the mean of the run lies at a border', () => {
    for (const mbps of [1, 2, 4, 8]) {
      const noise = createNoise('log-normal', 0.2, seededRandom(Math.round(10 * mbps)));
      const detector = createStateDetector({ states });
      const sequence = observeAll(detector, 2000, () => mbps * noise());
      expect(switchesIn(sequence), `${mbps} Mbit/s`).toBeLessThanOrEqual(8);
    }
  });

  test('decided on one odd sample is mended within the same run', () => {
    const detector = createStateDetector({ states });
    expect(detector.observe(1.5)).toBe(1);
    const sequence = observeAll(detector, 20, () => 3);
    expect(sequence.at(-1)).toBe(2);
    expect(switchesIn([1, ...sequence])).toBe(1);
  });

  test('falls at once, and rises from the margin on', () => {
    expect(followState(states, 2, 1.99, 0.25)).toBe(1);
    expect(followState(states, 2, 0, 0.25)).toBe(0);
    expect(followState(states, 2, 4.99, 0.25)).toBe(2);
    expect(followState(states, 2, 5, 0.25)).toBe(3);
    expect(followState(states, 2, 9, 0.25)).toBe(3);
    expect(followState(states, undefined, 4.1, 0.25)).toBe(3);
  });

  test('is one that there is, lowers never above the rate, and follows each step that is clear of the borders', () => {
    const rate = fc.double({ min: 0, max: 100, noNaN: true });
    const before = fc.option(fc.nat(states.length - 1), { nil: undefined });
    fc.assert(
      fc.property(before, rate, (state, mbps) => {
        const now = followState(states, state, mbps, defaultRiseMargin);
        expect(states[now]?.fromMbps).toBeLessThanOrEqual(mbps);
        const next = states[now + 1]?.fromMbps ?? Number.POSITIVE_INFINITY;
        expect(mbps).toBeLessThan(next * (1 + defaultRiseMargin) * (1 + 1e-12));
        // A second look at the same rate changes nothing.
        expect(followState(states, now, mbps, defaultRiseMargin)).toBe(now);
      }),
      { numRuns: 1000 },
    );
  });
});

const sample = fc.oneof(fc.constantFrom(0, 1, 1e9), fc.double({ min: 0, max: 20, noNaN: true }));
const series = fc.array(sample, { maxLength: 60 });

describe('a snapshot', () => {
  test('goes on as the detector it is of, through JSON', () => {
    fc.assert(
      fc.property(series, series, (before, later) => {
        const detector = createStateDetector({ states });
        for (const mbps of before) detector.observe(mbps);
        const restored = createStateDetector({ states }, JSON.parse(JSON.stringify(detector.snapshot())));
        expect(later.map((mbps) => restored.observe(mbps))).toEqual(later.map((mbps) => detector.observe(mbps)));
        expect(restored.snapshot()).toEqual(detector.snapshot());
      }),
      { numRuns: 300 },
    );
  });

  test('taken to other states keeps what is known of the bandwidth', () => {
    const detector = createStateDetector({ states });
    observeAll(detector, 30, () => 5);
    const fewer = states.slice(0, 2);
    const moved = createStateDetector({ states: fewer }, detector.snapshot());
    expect(moved.observe(4.9)).toBe(1);
    expect(moved.snapshot().detector.runLength).toBe(31);
  });

  test('that is damaged is refused', () => {
    const detector = createStateDetector({ states });
    observeAll(detector, 5, () => 5);
    const good = detector.snapshot();
    for (const wrong of [{}, { ...good, state: states.length }, { ...good, state: -1 }, { ...good, detector: {} }]) {
      expect(() => createStateDetector({ states }, JSON.parse(JSON.stringify(wrong)))).toThrow(
        expect.objectContaining({ code: 'detector-snapshot-invalid' }),
      );
    }
  });
});

test('what is no bandwidth, no states or no margin is refused with a code', () => {
  const detector = createStateDetector({ states });
  detector.observe(3);
  const before = detector.snapshot();
  expect(() => detector.observe(Number.NaN)).toThrow(expect.objectContaining({ code: 'bandwidth-invalid' }));
  expect(detector.snapshot()).toEqual(before);
  expect(() => createStateDetector({ states: [] })).toThrow(
    expect.objectContaining({ code: 'bandwidth-states-empty' }),
  );
  expect(() => createStateDetector({ states: states.toReversed() })).toThrow(
    expect.objectContaining({ code: 'bandwidth-states-invalid' }),
  );
  for (const riseMargin of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => createStateDetector({ states, riseMargin })).toThrow(
      expect.objectContaining({ code: 'detector-parameters-invalid' }),
    );
  }
});
