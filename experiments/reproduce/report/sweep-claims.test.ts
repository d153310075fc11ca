import { describe, expect, test } from 'vitest';
import { baselines } from '../methods/methods.ts';
import { product } from '../methods/product.ts';
import type { Outcome, Sweep } from '../sweep.ts';
import { sampleSweep } from '../testing/sample-data.ts';
import { depthClaim, inTimeClaim } from './sweep-claims.ts';

const along = {
  statement: 'rises',
  paper: '',
  holds: 'so it is',
  at: ({ mbps }: Sweep['points'][number]): string => `${mbps} Mbit/s`,
};

/** @returns a sweep of three points, where the product chose these exits, 0: none, and took so long */
function sweepWith(exits: readonly number[], ms: number, deadlineMs = 1000): Sweep {
  const sweep = sampleSweep([0.5, 1, 2].map((mbps) => ({ mbps, deadlineMs })));
  for (const [index, { outcomes }] of sweep.points.entries()) {
    for (const outcome of outcomes.filter(({ method }) => method === product.name)) {
      outcome.selection = chosen(outcome, exits[index] ?? 0);
      setTime(outcome, ms);
    }
  }
  return sweep;
}

function chosen({ selection }: Outcome, exit: number): Outcome['selection'] {
  return exit === 0 || selection === null ? null : { ...selection, plan: { ...selection.plan, exit } };
}

function setTime({ measured }: Outcome, ms: number): void {
  if (measured !== null) measured.latencyMs.median = ms;
}

describe('that exits rise along a sweep', () => {
  test('holds where none falls', () => {
    const claim = depthClaim(sweepWith([1, 1, 5], 100), product, along);
    expect(claim).toMatchObject({ verdict: 'holds', ours: 'exits 1, 1, 5', reason: 'so it is' });
  });

  test('holds not where one does, or where in the end nothing is found, and says where', () => {
    const claim = depthClaim(sweepWith([1, 5, 4], 100), product, along);
    expect(claim.verdict).toBe('holds not');
    expect(claim.reason).toMatch(/^It fails at 2 Mbit\/s \(exit 4 after 5\)\. /);
    expect(claim.reason).not.toContain('so it is');
    expect(depthClaim(sweepWith([1, 5, 0], 100), product, along).verdict).toBe('holds not');
  });

  test('says nothing where no plan is ever in time', () => {
    const claim = depthClaim(sweepWith([1, 1, 1], 1001), product, along);
    expect(claim).toMatchObject({ verdict: 'nothing to compare', ours: 'exits 1, 1, 1; in time at 0 of 3' });
  });
});

describe('that the deadline is met wherever one knob is enough', () => {
  test('holds where it is met everywhere', () => {
    expect(inTimeClaim(sweepWith([1, 1, 1], 1000), product)).toMatchObject({
      verdict: 'holds',
      ours: '3 of 3 bandwidths',
    });
  });

  test('holds not where it is missed once, and says where and by what', () => {
    const sweep = sweepWith([1, 1, 1], 1000);
    for (const outcome of sweep.points[1]?.outcomes ?? []) if (outcome.method === product.name) setTime(outcome, 1001);
    const claim = inTimeClaim(sweep, product);
    expect(claim.verdict).toBe('holds not');
    expect(claim.reason).toContain('1 Mbit/s (1001 ms, the deadline is 1000 ms)');
    expect(claim.reason).not.toBe(inTimeClaim(sweepWith([1, 1, 1], 1000), product).reason);
  });

  test('says nothing where one knob is never enough', () => {
    const sweep = sweepWith([1, 1, 1], 2000);
    for (const { outcomes } of sweep.points) {
      for (const outcome of outcomes.filter(({ method }) => baselines.some(({ name }) => name === method))) {
        setTime(outcome, 1001);
      }
    }
    expect(inTimeClaim(sweep, product).verdict).toBe('nothing to compare');
  });
});
