import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRunLengths, type RunHypothesis, type RunPriors } from './run-lengths.ts';

const priors: RunPriors = {
  hazard: 0.05,
  mean: 1,
  meanWeight: 0.1,
  variance: 0.04,
  varianceWeight: 5,
  longestRun: 200,
  negligibleMass: 0,
  maxHypotheses: 200,
};

const value = fc.double({ min: -10, max: 10, noNaN: true });
const values = fc.array(value, { minLength: 1, maxLength: 30 });

function hypothesesOf(series: readonly number[], changes: Partial<RunPriors> = {}): RunHypothesis[] {
  const runs = createRunLengths({ ...priors, ...changes });
  for (const one of series) runs.update(one);
  return runs.hypotheses();
}

/** ln Γ by Stirling's series, from a place where it is exact to all digits. */
function lnGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 30; z += 1) shift -= Math.log(z);
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5);
  return shift + (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series;
}

/** ln of the probability of a whole run under the Normal-Inverse-Gamma, in closed form and without any recursion. */
function lnEvidence(run: readonly number[]): number {
  const n = run.length;
  if (n === 0) return 0;
  const { meanWeight: kappa, mean: mu, variance, varianceWeight } = priors;
  const alpha = varianceWeight / 2;
  const beta = alpha * variance;
  const mean = run.reduce((sum, x) => sum + x, 0) / n;
  const squares = run.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const betaN = beta + squares / 2 + (kappa * n * (mean - mu) ** 2) / (2 * (kappa + n));
  const ofBeta = alpha * Math.log(beta) - (alpha + n / 2) * Math.log(betaN);
  const ofKappa = Math.log(kappa / (kappa + n)) / 2;
  return lnGamma(alpha + n / 2) - lnGamma(alpha) + ofBeta + ofKappa - (n / 2) * Math.log(2 * Math.PI);
}

/**
 * p(r, x) by adding up all ways to cut the series: evidence of the runs, (1 − H) within and H at each cut.
 * @returns for each run length 0..n its probability
 */
function byEnumeration(series: readonly number[]): number[] {
  const { hazard } = priors;
  const n = series.length;
  const masses = new Array<number>(n + 1).fill(0);
  // Bit i set: a run ends after value i.
  for (let cuts = 0; cuts < 2 ** n; cuts += 1) {
    let begin = 0;
    let ln = 0;
    for (let i = 0; i < n; i += 1) {
      const isCut = (cuts >> i) % 2 === 1;
      ln += Math.log(isCut ? hazard : 1 - hazard);
      if (isCut) {
        ln += lnEvidence(series.slice(begin, i + 1));
        begin = i + 1;
      }
    }
    ln += lnEvidence(series.slice(begin));
    masses[n - begin] = (masses[n - begin] ?? 0) + Math.exp(ln);
  }
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total);
}

describe('the distribution of the run length', () => {
  test('is what adding up all ways to cut the series gives', () => {
    const near = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(near, (series) => {
        const expected = byEnumeration(series);
        const found = hypothesesOf(series);
        expect(found).toHaveLength(series.length + 1);
        for (const { runLength, probability } of found) expect(probability).toBeCloseTo(expected[runLength] ?? -1, 8);
      }),
      { numRuns: 200 },
    );
  });

  test('sums to 1, longest run first, and the run without a value has the hazard, whatever came', () => {
    const limits = fc.record({
      longestRun: fc.integer({ min: 2, max: 40 }),
      maxHypotheses: fc.integer({ min: 2, max: 40 }),
      negligibleMass: fc.constantFrom(0, 1e-9, 1e-4),
    });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 100 }), limits, (series, limit) => {
        const found = hypothesesOf(series, limit);
        const lengths = found.map(({ runLength }) => runLength);
        expect(lengths).toEqual([...new Set(lengths)].toSorted((a, b) => b - a));
        expect(found.at(-1)).toMatchObject({ runLength: 0, probability: priors.hazard });
        expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
        expect(found.length).toBeLessThanOrEqual(limit.maxHypotheses);
        expect(lengths[0]).toBeLessThanOrEqual(limit.longestRun);
      }),
      { numRuns: 500 },
    );
  });

  test('hardly differs without the run lengths that are negligible', () => {
    fc.assert(
      fc.property(values, (series) => {
        const all = new Map(hypothesesOf(series).map(({ runLength, probability }) => [runLength, probability]));
        for (const { runLength, probability } of hypothesesOf(series, { negligibleMass: 1e-9 })) {
          expect(Math.abs(probability - (all.get(runLength) ?? -1))).toBeLessThan(1e-3);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('of the runs', () => {
  test('each has the mean of its own values', () => {
    fc.assert(
      fc.property(values, (series) => {
        const runs = createRunLengths(priors);
        for (const one of series) runs.update(one);
        for (let length = 1; length <= series.length; length += 1) {
          const mean = series.slice(-length).reduce((sum, x) => sum + x, 0) / length;
          expect(runs.meanOf(length)).toBeCloseTo(mean, 9);
        }
        expect(runs.meanOf(series.length + 1)).toBeNaN();
        expect(runs.has(series.length)).toBe(true);
        expect(runs.has(series.length + 1)).toBe(false);
      }),
    );
  });

  test('the most probable and the mass of all that are shorter are read off the same distribution', () => {
    fc.assert(
      fc.property(values, (series) => {
        const runs = createRunLengths(priors);
        expect(runs.mostProbable()).toBe(0);
        for (const one of series) runs.update(one);
        const found = runs.hypotheses();
        const withValues = found.filter(({ runLength }) => runLength > 0);
        const most = Math.max(...withValues.map(({ probability }) => probability));
        expect(withValues.find(({ runLength }) => runLength === runs.mostProbable())?.probability).toBe(most);
        for (let length = 0; length <= series.length + 1; length += 1) {
          const shorter = found.filter(({ runLength }) => runLength < length);
          const mass = shorter.reduce((sum, { probability }) => sum + probability, 0);
          expect(runs.massBelow(length)).toBeCloseTo(mass, 12);
        }
      }),
    );
  });

  test('one that counts no further follows a slow drift', () => {
    const runs = createRunLengths({ ...priors, longestRun: 20 });
    for (let i = 0; i < 400; i += 1) runs.update(i / 400);
    expect(runs.mostProbable()).toBe(20);
    expect(runs.meanOf(20)).toBeGreaterThan(0.9);
  });
});

test('what was restored goes on as if it had never been stored', () => {
  fc.assert(
    fc.property(values, values, (before, later) => {
      const runs = createRunLengths(priors);
      for (const one of before) runs.update(one);
      const restored = createRunLengths(priors, runs.hypotheses());
      for (const one of later) {
        runs.update(one);
        restored.update(one);
        expect(restored.hypotheses()).toEqual(runs.hypotheses());
      }
    }),
  );
});
