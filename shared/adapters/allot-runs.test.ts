import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allotRuns, type RunCost } from './allot-runs.ts';

const cost = (key: string, runMs: number): RunCost => ({ key, wanted: 16, runMs, fixedMs: 1 });

describe('runs are shared out', () => {
  test('in full where the time is enough', () => {
    expect(allotRuns([cost('slow', 10), cost('fast', 1)], 1000)).toEqual(
      new Map([
        ['fast', 16],
        ['slow', 16],
      ]),
    );
  });

  test('to cheap segments first, and what those leave to the expensive ones', () => {
    expect(allotRuns([cost('slow', 10), cost('fast', 1)], 100)).toEqual(
      new Map([
        ['fast', 16],
        ['slow', 8],
      ]),
    );
  });

  test('to the cheapest ones where an equal share is of no use to anybody', () => {
    const costs = Array.from({ length: 10 }, (_, index) => cost(`s${index}`, 10 + index));
    expect([...allotRuns(costs, 100)]).toEqual([
      ['s0', 4],
      ['s1', 4],
    ]);
  });

  test('to nobody once the time is over', () => {
    expect(allotRuns([cost('slow', 10)], -5)).toEqual(new Map());
  });
});

test('whatever segments cost, no more time is given out than there is, and nobody gets more than is wanted', () => {
  const costs = fc.uniqueArray(
    fc.record({
      key: fc.string(),
      wanted: fc.integer({ min: 1, max: 100 }),
      runMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
      fixedMs: fc.double({ min: 0, max: 1e3, noNaN: true }),
    }),
    { selector: ({ key }) => key, maxLength: 30 },
  );
  fc.assert(
    fc.property(costs, fc.double({ min: 0, max: 1e6, noNaN: true }), (all, leftMs) => {
      const allotted = allotRuns(all, leftMs);
      let takenMs = 0;
      for (const { key, wanted, runMs, fixedMs } of all) {
        const runs = allotted.get(key) ?? 0;
        expect(runs).toBeLessThanOrEqual(wanted);
        if (runs > 0) takenMs += fixedMs + runs * runMs;
      }
      expect(takenMs).toBeLessThanOrEqual(leftMs * (1 + 1e-9));
    }),
    { seed: 5 },
  );
});
