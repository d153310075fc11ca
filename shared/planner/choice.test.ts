import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../protocol/messages.ts';
import { choose, type Goal, none, type PricedPlans } from './choice.ts';

/** [exit, accuracy, T in ms] of each plan. */
type Sketch = readonly [exit: number, accuracy: number, totalMs: number];

function priced(sketches: readonly Sketch[]): PricedPlans {
  return {
    plans: {
      exit: Uint16Array.from(sketches, ([exit]) => exit),
      accuracy: Float64Array.from(sketches, ([, accuracy]) => accuracy),
    },
    totalsMs: Float64Array.from(sketches, ([, , totalMs]) => totalMs),
    reserveMs: new Float64Array(sketches.length),
  };
}

function goal(objective: Policy['objective'], rewardWeights = { accuracy: 1, throughput: 1 }): Goal {
  return { deadlineMs: 100, objective, accuracyTolerance: 0, rewardWeights };
}

/** Rewards that rest on the throughput alone are equal where times are. */
const throughputAlone = goal('paper', { accuracy: 0, throughput: 1 });
/** Rewards that rest on the accuracy alone are equal where accuracies are. */
const accuracyAlone = goal('paper', { accuracy: 1, throughput: 0 });

describe('of plans of equal reward', () => {
  test('the more accurate one is taken, wherever it stands', () => {
    expect(
      choose(
        priced([
          [1, 0.7, 20],
          [2, 0.8, 20],
          [3, 0.75, 20],
        ]),
        throughputAlone,
      ),
    ).toBe(1);
    expect(
      choose(
        priced([
          [2, 0.8, 20],
          [1, 0.7, 20],
        ]),
        throughputAlone,
      ),
    ).toBe(0);
    expect(
      choose(
        priced([
          [1, 0.7, 20],
          [2, 0.8, 20],
          [3, 0.9, 21],
        ]),
        throughputAlone,
      ),
    ).toBe(1);
  });

  test('and of equal accuracy the first, though the algorithm as printed takes the last', () => {
    expect(
      choose(
        priced([
          [1, 0.8, 20],
          [2, 0.8, 20],
          [3, 0.8, 20],
        ]),
        throughputAlone,
      ),
    ).toBe(0);
    expect(
      choose(
        priced([
          [1, 0.8, 30],
          [2, 0.8, 20],
          [3, 0.8, 20],
        ]),
        accuracyAlone,
      ),
    ).toBe(0);
    expect(
      choose(
        priced([
          [1, 0.8, 20],
          [2, 0.8, 20],
          [3, 0.8, 20],
        ]),
        throughputAlone,
        1,
      ),
    ).toBe(1);
  });

  test('that is so where all rewards are zero', () => {
    const worthless = goal('paper', { accuracy: 0, throughput: 0 });
    expect(
      choose(
        priced([
          [1, 0.7, 20],
          [2, 0.8, 90],
          [3, 0.8, 10],
        ]),
        worthless,
      ),
    ).toBe(1);
    expect(
      choose(
        priced([
          [1, 0, 20],
          [2, 0, 10],
        ]),
        worthless,
      ),
    ).toBe(0);
    expect(choose(priced([[1, 0.7, 101]]), worthless)).toBe(none);
  });

  test('the first of the most accurate of the fastest is taken from any plans, as for the objective latency', () => {
    const plan = fc.tuple(fc.nat(4), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 12 }));
    const some = fc.array(
      plan.map(([exit, fifths, tens]): Sketch => [exit + 1, fifths / 5, 10 * tens]),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(some, (sketches) => {
        const inTime = sketches.filter(([, , totalMs]) => totalMs <= 100);
        const least = Math.min(...inTime.map(([, , totalMs]) => totalMs));
        const top = Math.max(...inTime.filter(([, , ms]) => ms === least).map(([, accuracy]) => accuracy));
        const expected = sketches.findIndex(([, accuracy, totalMs]) => totalMs === least && accuracy === top);
        expect(choose(priced(sketches), throughputAlone)).toBe(inTime.length === 0 ? none : expected);
        expect(choose(priced(sketches), goal('latency'))).toBe(inTime.length === 0 ? none : expected);
      }),
    );
  });
});
