import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BandwidthTrace } from '../../shared/planner/bandwidth-trace.ts';
import { dataFile } from '../../shared/testing/data-folder.ts';
import { type Comparison, compareDetectors, dominates, weights } from './compare.ts';
import { measurementNoise } from './measurement-noise.ts';
import type { Outcome } from './replay.ts';
import { readTraceSets, type TraceSet } from './trace-sets.ts';

const oboePath = dataFile('oboe', 'oboe_traces.csv');

function tracesOf(set: TraceSet['name']): readonly BandwidthTrace[] {
  const sets = readTraceSets(join(dirname(oboePath ?? ''), '..'));
  return sets.find(({ name }) => name === set)?.traces ?? [];
}

const noises = [0, 0.1, 0.2];

function compare(traces: readonly BandwidthTrace[], noise: number): Comparison {
  return compareDetectors({ traces, states: { count: 12 }, factorAt: measurementNoise(noise, 1) });
}

/**
 * No baseline meets more deadlines with fewer switches, the margin of the change-point detector lent to it or not; those
 * that meet as many switch more often.
 */
function expectNoneBetter({ changePoints, ...baselines }: Comparison): void {
  const { nearest, tuned, tunedWithMargin, everyWeight, everyWeightWithMargin } = baselines;
  for (const { name, outcome } of [nearest, tuned, tunedWithMargin, ...everyWeight, ...everyWeightWithMargin]) {
    expect(dominates(outcome, changePoints.outcome), name).toBe(false);
    expect(outcome.frames).toBe(changePoints.outcome.frames);
  }
  expect(changePoints.outcome.switches).toBeLessThan(tunedWithMargin.outcome.switches);
  expect(changePoints.outcome.switches).toBeLessThan(nearest.outcome.switches / 2);
  expect(changePoints.outcome.switches).toBeLessThan(tuned.outcome.switches / 2);
}

describe('no baseline is better both in deadlines met and in plan switches', () => {
  for (const noise of noises) {
    test.skipIf(oboePath === undefined)(`over 428 Oboe traces, measured with ${100 * noise} % noise`, () => {
      const traces = tracesOf('oboe');
      expect(traces).toHaveLength(428);
      const comparison = compare(traces, noise);
      expectNoneBetter(comparison);
      expect(comparison.changePoints.outcome.met / comparison.changePoints.outcome.frames).toBeGreaterThan(0.98);
    });

    test.skipIf(oboePath === undefined)(`over 40 Belgian logs, measured with ${100 * noise} % noise`, () => {
      const traces = tracesOf('belgian');
      expect(traces).toHaveLength(40);
      const comparison = compare(traces, noise);
      expectNoneBetter(comparison);
      expect(comparison.changePoints.outcome.met / comparison.changePoints.outcome.frames).toBeGreaterThan(0.94);
    });
  }
});

/** Ninety seconds of a level, then of another. */
function step(fromMbps: number, toMbps: number): BandwidthTrace {
  return {
    name: 'step',
    steps: [
      { startMs: 0, mbps: fromMbps },
      { startMs: 90_000, mbps: toMbps },
    ],
    durationMs: 180_000,
  };
}

const steps = Array.from({ length: 8 }, (_, i) => (i % 4 < 2 ? step(5, 1) : step(1, 5)));

test('every trace is replayed once, by every detector', () => {
  const comparison = compare(steps, 0);
  const { changePoints, nearest, tuned, tunedWithMargin, everyWeight, everyWeightWithMargin } = comparison;
  const all = [changePoints, nearest, tuned, tunedWithMargin, ...everyWeight, ...everyWeightWithMargin];
  expect(all).toHaveLength(4 + 2 * weights.length);
  expect(all.map(({ outcome }) => outcome.frames)).toEqual(all.map(() => 8 * 179));
});

test('a clean step costs the change-point detector one switch a trace and a frame at most', () => {
  const { outcome } = compare(steps, 0).changePoints;
  expect(outcome.switches).toBe(steps.length);
  expect(outcome.met).toBeGreaterThanOrEqual(outcome.frames - steps.length);
});

test('the same comparison gives the same figures', () => {
  expect(compare(steps, 0.2)).toEqual(compare(steps, 0.2));
});

test('better is as good in both figures and better in one', () => {
  const outcome = (met: number, switches: number): Outcome => ({ frames: 100, met, accuracyIfMet: 0, switches });
  expect(dominates(outcome(90, 5), outcome(90, 5))).toBe(false);
  expect(dominates(outcome(91, 5), outcome(90, 5))).toBe(true);
  expect(dominates(outcome(90, 4), outcome(90, 5))).toBe(true);
  expect(dominates(outcome(91, 6), outcome(90, 5))).toBe(false);
  expect(dominates(outcome(89, 4), outcome(90, 5))).toBe(false);
});
