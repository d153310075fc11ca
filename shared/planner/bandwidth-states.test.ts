import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.ts';
import { createNoise } from '../testing/bandwidth-series.ts';
import {
  type BandwidthState,
  buildBandwidthStates,
  cutAtChangePoints,
  requireBandwidthStates,
  stateOf,
} from './bandwidth-states.ts';
import type { BandwidthTrace } from './bandwidth-trace.ts';

/** A trace with one row a second. */
function secondsOf(rates: readonly number[]): BandwidthTrace {
  return {
    name: 'test',
    steps: rates.map((mbps, second) => ({ startMs: second * 1000, mbps })),
    durationMs: rates.length * 1000,
  };
}

function level(seconds: number, mbps: number, noise: () => number = () => 1): number[] {
  return Array.from({ length: seconds }, () => mbps * noise());
}

const rates = fc.array(fc.oneof(fc.constantFrom(0, 0, 3), fc.double({ min: 0, max: 50, noNaN: true })), {
  minLength: 1,
  maxLength: 60,
});
const traces = fc.array(rates.map(secondsOf), { minLength: 1, maxLength: 6 });

describe('the segments of a trace', () => {
  test('are cut where its level changes', () => {
    const noise = createNoise('log-normal', 0.1, seededRandom(1));
    const trace = secondsOf([...level(60, 1, noise), ...level(60, 4, noise), ...level(60, 2, noise)]);
    const segments = cutAtChangePoints(trace);
    expect(segments.map(({ samplesMbps }) => samplesMbps.length)).toEqual([60, 60, 60]);
    const means = segments.map(({ meanMbps }) => meanMbps);
    for (const [i, mbps] of [1, 4, 2].entries()) expect(Math.abs((means[i] ?? 0) / mbps - 1)).toBeLessThan(0.05);
  });

  test('hold every second once, in order of time', () => {
    fc.assert(
      fc.property(rates, (list) => {
        const segments = cutAtChangePoints(secondsOf(list));
        const all = segments.flatMap(({ samplesMbps }) => samplesMbps);
        expect(all).toHaveLength(list.length);
        for (const [i, mbps] of all.entries()) expect(mbps).toBeCloseTo(list[i] ?? Number.NaN, 9);
        expect(segments.every(({ samplesMbps }) => samplesMbps.length > 0)).toBe(true);
      }),
    );
  });
});

describe('states from traces', () => {
  test('are the levels of the traces, in ascending order, each from midway or a little below its slowest segment', () => {
    const trace = secondsOf([...level(60, 4), ...level(60, 1), ...level(60, 9)]);
    expect(buildBandwidthStates([trace], { count: 3 })).toEqual([
      { mbps: 1, fromMbps: 0 },
      { mbps: 4, fromMbps: 3.2 },
      { mbps: 9, fromMbps: 7.2 },
    ]);
    const near = buildBandwidthStates([secondsOf(level(60, 1)), secondsOf(level(60, 1.21))], { count: 2 });
    expect(near[1]?.fromMbps).toBeCloseTo(1.1, 9);
  });

  test('share the time there is: a level that lasts longer is divided, short ones are joined', () => {
    const noise = createNoise('log-normal', 0.05, seededRandom(2));
    const often = Array.from({ length: 30 }, (_, i) => secondsOf(level(60, 2 + i / 10, noise)));
    const rare = [secondsOf(level(5, 0.1)), secondsOf(level(5, 0.4))];
    const states = buildBandwidthStates([...often, ...rare], { count: 6 });
    expect(states).toHaveLength(6);
    expect(states.filter(({ fromMbps }) => fromMbps > 0).every(({ fromMbps }) => fromMbps > 1.9)).toBe(true);
  });

  test('plan with the share of slow samples that is asked for, or with the mean', () => {
    const trace = secondsOf(Array.from({ length: 101 }, (_, i) => 2 + (((i * 37) % 101) - 50) / 100));
    const mbpsFor = (planningShare: number | null) =>
      buildBandwidthStates([trace], { count: 1, planningShare })[0]?.mbps;
    expect(mbpsFor(null)).toBeCloseTo(2, 9);
    expect([0, 0.25, 1].map(mbpsFor)).toEqual([1.5, 1.75, 2.5]);
    expect(buildBandwidthStates([trace], { count: 1 })[0]?.mbps).toBe(1.75);
  });

  test('are one where rates are alike, and have the detector’s floor where nothing ever came', () => {
    const alike = Array.from({ length: 5 }, () => secondsOf(level(30, 2)));
    expect(buildBandwidthStates(alike, { count: 10 })).toEqual([{ mbps: 2, fromMbps: 0 }]);
    const silent = secondsOf(level(30, 0));
    expect(buildBandwidthStates([silent], { count: 4, detector: { floorMbps: 0.02 } })).toEqual([
      { mbps: 0.02, fromMbps: 0 },
    ]);
  });

  test('are states that are valid, no more than asked for, whatever the traces', () => {
    const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 20 }), share, (list, count, planningShare) => {
        const states = buildBandwidthStates(list, { count, planningShare });
        requireBandwidthStates(states);
        expect(states.length).toBeLessThanOrEqual(count);
      }),
      { numRuns: 300 },
    );
  });

  test('need a trace, a count and a share that is one', () => {
    const trace = secondsOf([1, 2, 3]);
    for (const build of [
      () => buildBandwidthStates([], { count: 3 }),
      () => buildBandwidthStates([trace], { count: 0 }),
      () => buildBandwidthStates([trace], { count: Number.NaN }),
      () => buildBandwidthStates([trace], { count: Number.POSITIVE_INFINITY }),
    ]) {
      expect(build).toThrow(expect.objectContaining({ code: 'bandwidth-states-empty' }));
    }
    for (const planningShare of [-0.1, 1.1, Number.NaN]) {
      expect(() => buildBandwidthStates([trace], { count: 3, planningShare })).toThrow(
        expect.objectContaining({ code: 'detector-parameters-invalid' }),
      );
    }
  });
});

const ascending = fc
  .uniqueArray(fc.double({ min: 0.001, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 })
  .map((list) => list.toSorted((a, b) => a - b))
  .map((list): BandwidthState[] => list.map((mbps, i) => ({ mbps, fromMbps: i === 0 ? 0 : mbps })));

describe('the state of a rate', () => {
  test('is the last that begins at or below it', () => {
    const rate = fc.double({ min: 0, max: 200, noNaN: true });
    fc.assert(
      fc.property(ascending, rate, (states, mbps) => {
        const index = stateOf(states, mbps);
        expect(states[index]?.fromMbps).toBeLessThanOrEqual(mbps);
        expect(states[index + 1]?.fromMbps ?? Number.POSITIVE_INFINITY).toBeGreaterThan(mbps);
      }),
      { numRuns: 1000 },
    );
  });

  test('is the state itself at its begin', () => {
    fc.assert(
      fc.property(ascending, (states) => {
        expect(states.map(({ fromMbps }) => stateOf(states, fromMbps))).toEqual([...states.keys()]);
      }),
    );
  });

  test('is none of no states or of what is no rate', () => {
    expect(() => stateOf([], 1)).toThrow(expect.objectContaining({ code: 'bandwidth-states-empty' }));
    for (const mbps of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => stateOf([{ mbps: 1, fromMbps: 0 }], mbps)).toThrow(
        expect.objectContaining({ code: 'bandwidth-invalid' }),
      );
    }
  });
});

test('states that do not ascend strictly from 0 are refused, the first of them named', () => {
  const first = { mbps: 1, fromMbps: 0 };
  const wrong: [BandwidthState[], number][] = [
    [[{ mbps: 1, fromMbps: 0.5 }], 0],
    [[{ mbps: 0, fromMbps: 0 }], 0],
    [[{ mbps: Number.NaN, fromMbps: 0 }], 0],
    [[first, first], 1],
    [[first, { mbps: 2, fromMbps: 0 }], 1],
    [[first, { mbps: 1, fromMbps: 1 }], 1],
    [[first, { mbps: 3, fromMbps: 2 }, { mbps: 2, fromMbps: 3 }], 2],
    [[first, { mbps: 3, fromMbps: 3 }, { mbps: 4, fromMbps: 2 }], 2],
    [[first, { mbps: 3, fromMbps: Number.POSITIVE_INFINITY }], 1],
    [[first, { mbps: Number.POSITIVE_INFINITY, fromMbps: 3 }], 1],
  ];
  for (const [states, place] of wrong) {
    expect(() => requireBandwidthStates(states), JSON.stringify(states)).toThrow(
      expect.objectContaining({
        code: 'bandwidth-states-invalid',
        message: expect.stringMatching(new RegExp(`^state ${place}:`)),
      }),
    );
  }
  expect(() => requireBandwidthStates([])).toThrow(expect.objectContaining({ code: 'bandwidth-states-empty' }));
});
