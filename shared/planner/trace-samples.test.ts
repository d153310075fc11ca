import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BandwidthTrace, constantTrace, rateAt } from './bandwidth-trace.ts';
import { sampleTrace } from './trace-samples.ts';

function trace(steps: readonly (readonly [durationMs: number, mbps: number])[]): BandwidthTrace {
  let startMs = 0;
  const placed = steps.map(([durationMs, mbps]) => {
    const step = { startMs, mbps };
    startMs += durationMs;
    return step;
  });
  return { name: 'test', steps: placed, durationMs: startMs };
}

test('a sample is the mean over its interval, a row without traffic counts as 0', () => {
  const uneven = trace([
    [500, 4],
    [1000, 0],
    [500, 2],
    [1000, 6],
  ]);
  expect(sampleTrace(uneven, 1000)).toEqual([2, 1, 6]);
  expect(sampleTrace(uneven, 1500)).toEqual([4 / 3, 14 / 3]);
});

test('a row longer than an interval counts in each that it covers', () => {
  expect(sampleTrace(trace([[3500, 2]]), 1000)).toEqual([2, 2, 2]);
});

test('what is left at the end is no sample, unless it is all there is', () => {
  const rest = trace([
    [1000, 1],
    [999, 9],
  ]);
  expect(sampleTrace(rest, 1000)).toEqual([1]);
  expect(sampleTrace(rest, 10_000)[0]).toBeCloseTo((1000 + 999 * 9) / 1999, 9);
  expect(sampleTrace(constantTrace(3), 1000)).toEqual([3]);
});

test('samples are the means of the rates of their milliseconds, for any trace', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 100 })), { minLength: 1 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 50 }), (list, intervalMs) => {
      const subject = trace(list);
      const samples = sampleTrace(subject, intervalMs);
      expect(samples).toHaveLength(Math.max(1, Math.floor(subject.durationMs / intervalMs)));
      for (const [i, sample] of samples.entries()) {
        const lengthMs = Math.min(intervalMs, subject.durationMs);
        let sum = 0;
        for (let ms = 0; ms < lengthMs; ms += 1) sum += rateAt(subject, i * intervalMs + ms);
        expect(sample).toBeCloseTo(sum / lengthMs, 9);
      }
    }),
    { numRuns: 500 },
  );
});
