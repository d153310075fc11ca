import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.ts';
import { type BandwidthEstimate, createBandwidthEstimate } from './bandwidth-estimate.ts';
import { transferMs } from './wire-bytes.ts';

const rttMs = 4;

/** An estimate that knows the rtt. */
function estimateWithRtt(): BandwidthEstimate {
  const estimate = createBandwidthEstimate();
  estimate.observeRtt(rttMs);
  return estimate;
}

/** A transfer over a link of this rate, each delayed by up to `noise` of its own time. */
function transfer(estimate: BandwidthEstimate, mbps: number, { bytes = 12_288, noise = 0 } = {}): void {
  estimate.observe(bytes, rttMs + transferMs(bytes, mbps) * (1 + noise), 0);
}

describe('the estimate', () => {
  test('is unknown before the first sample, and exact after one without noise', () => {
    const estimate = estimateWithRtt();
    expect(estimate.mbps()).toBeUndefined();
    transfer(estimate, 3);
    expect(estimate.mbps()).toBeCloseTo(3, 9);
  });

  test('stays about the true rate under noise, for every rate and size', () => {
    const random = seededRandom(1);
    for (const mbps of [0.1, 1, 5, 50]) {
      const estimate = estimateWithRtt();
      let sum = 0;
      for (let i = 0; i < 400; i += 1) {
        transfer(estimate, mbps, { bytes: 2000 + Math.round(60_000 * random()), noise: 0.4 * (random() - 0.5) });
        const now = estimate.mbps() ?? 0;
        if (i >= 10) expect(Math.abs(now / mbps - 1)).toBeLessThan(0.25);
        sum += now / mbps;
      }
      expect(Math.abs(sum / 400 - 1)).toBeLessThan(0.03);
    }
  });

  test('takes no notice of a single slow transfer, follows a drop from the second on, wholly within eight', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 20; i += 1) transfer(estimate, 10);
    const after = Array.from({ length: 8 }, () => {
      transfer(estimate, 1);
      return estimate.mbps() ?? 0;
    });
    expect(after[0]).toBeCloseTo(10, 9);
    expect(after[1]).toBeLessThan(2);
    expect(after[3]).toBeLessThan(1.3);
    expect(after[7]).toBeLessThan(1.02);
  });

  test('follows a rise more slowly: a slow sample counts as much as it costs', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 20; i += 1) transfer(estimate, 1);
    const after = Array.from({ length: 12 }, () => {
      transfer(estimate, 10);
      return estimate.mbps() ?? 0;
    });
    expect(after[1]).toBeLessThan(3);
    expect(after[11]).toBeGreaterThan(9);
  });

  test('comes back from one transfer that hung for a minute', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 5; i += 1) transfer(estimate, 5);
    estimate.observe(12_288, 60_000, 0);
    for (let i = 0; i < 20; i += 1) transfer(estimate, 5);
    expect(estimate.mbps()).toBeGreaterThan(4.5);
  });

  test('returns of each transfer what it alone says', () => {
    const estimate = estimateWithRtt();
    transfer(estimate, 10);
    expect(estimate.observe(12_288, rttMs + transferMs(12_288, 2), 0)).toBeCloseTo(2, 9);
  });
});

describe('a missing reply', () => {
  test('lowers an estimate that it contradicts, and no other', () => {
    const estimate = estimateWithRtt();
    transfer(estimate, 8);
    estimate.observeMissing(12_288, rttMs + transferMs(12_288, 100), 5);
    expect(estimate.mbps()).toBeCloseTo(8, 9);
    expect(estimate.isDoubted()).toBe(false);
    expect(estimate.ageMs(5)).toBe(5);
    estimate.observeMissing(12_288, rttMs + transferMs(12_288, 1), 5);
    expect(estimate.mbps()).toBeLessThan(3);
    expect(estimate.ageMs(5)).toBe(0);
  });

  test('is taken back by a whole reply that shows the link as fast as before: it was the worker', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 3; i += 1) transfer(estimate, 8);
    for (let i = 0; i < 3; i += 1) estimate.observeMissing(12_288, rttMs + transferMs(12_288, 0.1), 5);
    expect(estimate.mbps()).toBeLessThan(0.2);
    expect(estimate.isDoubted()).toBe(true);
    transfer(estimate, 7);
    expect(estimate.isDoubted()).toBe(false);
    expect(estimate.mbps()).toBeGreaterThan(7);
  });

  test('is not taken back by a whole reply that was as slow', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 3; i += 1) transfer(estimate, 8);
    estimate.observeMissing(12_288, rttMs + transferMs(12_288, 1), 5);
    const before = estimate.mbps() ?? 0;
    transfer(estimate, 0.9);
    expect(estimate.mbps()).toBeLessThan(2 * before);
  });

  test('says nothing of the rate where no reply could have come yet', () => {
    const estimate = createBandwidthEstimate();
    estimate.observeRtt(50);
    estimate.observeMissing(100, 49, 0);
    expect(estimate.mbps()).toBeUndefined();
    estimate.observe(12_288, 50 + transferMs(12_288, 8), 0);
    estimate.observeMissing(10, 50, 0);
    expect(estimate.mbps()).toBeCloseTo(8, 9);
  });

  test('never raises the estimate, whatever else is observed', () => {
    const missing = fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1e5, noNaN: true }));
    const seen = fc.tuple(fc.integer({ min: 256, max: 100_000 }), fc.double({ min: 0, max: 1e5, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(seen, missing)), (pairs) => {
        const estimate = estimateWithRtt();
        for (const [transferred, missed] of pairs) {
          estimate.observe(...transferred, 0);
          const before = estimate.mbps() ?? 0;
          estimate.observeMissing(...missed, 0);
          expect(estimate.mbps()).toBeLessThanOrEqual(before * (1 + 1e-12));
        }
      }),
    );
  });
});

describe('the rtt', () => {
  test('follows a lower sample at once and a higher one slowly', () => {
    const estimate = createBandwidthEstimate();
    estimate.observeRtt(20);
    expect(estimate.rttMs()).toBe(20);
    estimate.observeRtt(10);
    expect(estimate.rttMs()).toBe(10);
    estimate.observeRtt(20);
    expect(estimate.rttMs()).toBe(11);
  });
});

test('how the rate has moved is told against what was believed before each transfer, of the last 32, ascending', () => {
  const estimate = estimateWithRtt();
  expect(estimate.moves()).toEqual([]);
  transfer(estimate, 4);
  expect(estimate.moves()).toEqual([]);
  transfer(estimate, 8);
  estimate.observeMissing(12_288, rttMs + transferMs(12_288, 1), 0);
  const [down, up] = estimate.moves();
  // The second transfer is believed at once; a missing reply tells what the link carries at most.
  expect(up).toBeCloseTo(Math.log(2), 9);
  expect(down).toBeLessThan(0);
  for (let i = 0; i < 32; i += 1) transfer(estimate, 8);
  expect(estimate.moves()).toHaveLength(32);
  expect(estimate.moves()).toEqual(estimate.moves().toSorted((a, b) => a - b));
  expect(estimate.moves().at(-1)).toBeLessThan(Math.log(8));
});

test('the age of the estimate counts from its last sample, for ever before the first', () => {
  const estimate = estimateWithRtt();
  expect(estimate.ageMs(1e9)).toBe(Number.POSITIVE_INFINITY);
  estimate.observe(1000, 10, 100);
  expect(estimate.ageMs(350)).toBe(250);
});

test('whatever is observed, rate and rtt stay finite numbers and the rate above zero', () => {
  const odd = fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 1e-300);
  const value = fc.oneof(odd, fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double());
  const step = fc.tuple(fc.constantFrom('observe', 'missing', 'rtt'), value, value);
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const estimate = createBandwidthEstimate();
      for (const [what, first, second] of steps) {
        if (what === 'rtt') estimate.observeRtt(first);
        else if (what === 'missing') estimate.observeMissing(first, second, 0);
        else expect(estimate.observe(first, second, 0)).toBeGreaterThan(0);
        const mbps = estimate.mbps() ?? 1;
        expect(mbps > 0 && mbps <= 1000.001 && Number.isFinite(estimate.rttMs()) && estimate.rttMs() >= 0).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a first transfer that was held up is forgotten once two others have passed', () => {
  const estimate = createBandwidthEstimate();
  estimate.observeRtt(0);
  estimate.observe(4096, 500, 0);
  estimate.observe(4096, 4.096, 1);
  estimate.observe(4096, 4.096, 2);
  expect(estimate.mbps()).toBeCloseTo(8, 6);
});

test('a message of hardly more than its headers tells nothing of the rate', () => {
  const estimate = estimateWithRtt();
  transfer(estimate, 10);
  estimate.observe(200, rttMs + 2000, 0);
  estimate.observeMissing(200, rttMs + 2000, 0);
  expect(estimate.mbps()).toBeCloseTo(10, 9);
});

describe('a transfer that the sender itself held back', () => {
  const bytes = 12_288;
  /** What a link of this rate carries in one rtt. */
  const inOneRtt = (mbps: number): number => (mbps * 1000 * rttMs) / 8;

  test('never lowers the estimate, and settles no doubt', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 3; i += 1) transfer(estimate, 8);
    const slow = rttMs + transferMs(bytes, 2);
    for (let i = 0; i < 5; i += 1) {
      expect(estimate.observe(bytes, slow, 9, { keptBytes: inOneRtt(2) })).toBeUndefined();
    }
    expect(estimate.mbps()).toBeCloseTo(8, 9);
    expect(estimate.ageMs(9)).toBe(9);
    estimate.observeMissing(bytes, rttMs + transferMs(bytes, 1), 9);
    estimate.observe(bytes, rttMs + transferMs(bytes, 0.9), 9, { keptBytes: 0 });
    expect(estimate.isDoubted()).toBe(true);
  });

  test('raises it like any other', () => {
    const estimate = estimateWithRtt();
    for (let i = 0; i < 3; i += 1) transfer(estimate, 1);
    for (let i = 0; i < 20; i += 1) estimate.observe(bytes, rttMs + transferMs(bytes, 5), 0, { keptBytes: 0 });
    expect(estimate.mbps()).toBeGreaterThan(4.5);
  });

  test('is a sample like any other where the wire was never empty meanwhile, and for want of any other', () => {
    const estimate = estimateWithRtt();
    expect(estimate.observe(bytes, rttMs + transferMs(bytes, 2), 0, { keptBytes: 0 })).toBeCloseTo(2, 9);
    const keptBytes = inOneRtt(0.5) + 1;
    for (let i = 0; i < 20; i += 1) estimate.observe(bytes, rttMs + transferMs(bytes, 0.5), 0, { keptBytes });
    expect(estimate.mbps()).toBeLessThan(0.51);
  });
});

describe('a transfer that others shared the link with', () => {
  const bytes = 10_000;
  const othersBytes = 30_000;
  /** Its own bytes came at 1 Mbit/s; with all of the others’ the link carried 4. */
  const tookMs = rttMs + transferMs(bytes, 1);

  test('says nothing where what is believed lies between the rate of its own bytes and that of all', () => {
    for (const mbps of [1.1, 2, 3.9]) {
      const estimate = estimateWithRtt();
      transfer(estimate, mbps);
      expect(estimate.observe(bytes, tookMs, 5, { othersBytes })).toBeUndefined();
      expect(estimate.mbps()).toBeCloseTo(mbps, 9);
    }
  });

  test('brings it to the nearer of the two where it lies beyond', () => {
    for (const [mbps, nearer] of [
      [0.5, 1],
      [9, 4],
    ] as const) {
      const estimate = estimateWithRtt();
      transfer(estimate, mbps);
      expect(estimate.observe(bytes, tookMs, 5, { othersBytes })).toBeCloseTo(nearer, 9);
      for (let i = 0; i < 20; i += 1) estimate.observe(bytes, tookMs, 5, { othersBytes });
      expect(estimate.mbps()).toBeCloseTo(nearer, 2);
    }
  });

  test('is taken for its own bytes alone while nothing is believed', () => {
    expect(estimateWithRtt().observe(bytes, tookMs, 0, { othersBytes })).toBeCloseTo(1, 9);
  });
});
