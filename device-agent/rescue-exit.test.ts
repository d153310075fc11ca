import { describe, expect, test } from 'vitest';
import { type RescueBranch, rehearsedExits, rescueExit, rescueTarget } from './rescue-exit.ts';

/** A twentieth of the deadline is 5 ms. */
const policy = { deadlineMs: 100, marginMs: 4, accuracyTolerance: 0 };

function branch(exit: number, slowMs: number, change: Partial<RescueBranch> = {}): RescueBranch {
  return { exit, accuracy: 0.7 + exit / 100, predictedMs: slowMs, slowMs, reserveMs: 1.25 * slowMs, ...change };
}

const [exit1, exit2, exit3] = [branch(1, 1), branch(2, 5), branch(3, 6)];
const branches = [exit1, exit2, exit3];

describe('what a reply is waited for with a view to', () => {
  test('is the most accurate branch that takes no more than a twentieth of the deadline at its slowest', () => {
    expect(rescueTarget(branches, policy, 100)).toBe(exit2);
    expect(rescueTarget(branches, { ...policy, deadlineMs: 120 }, 100)).toBe(exit3);
    expect(rescueTarget([exit1, branch(2, 5, { slowMs: 5.01 })], policy, 100)).toBe(exit1);
  });

  test('is the fastest where none is cheap', () => {
    expect(rescueTarget(branches, { ...policy, deadlineMs: 10 }, 100)).toBe(exit1);
  });

  test('is one that there is time for yet', () => {
    const neededMs = exit2.reserveMs + policy.marginMs;
    expect(rescueTarget(branches, policy, neededMs)).toBe(exit2);
    expect(rescueTarget(branches, policy, neededMs - 0.01)).toBe(exit1);
  });

  test('is the faster of two that are equally accurate by the policy', () => {
    expect(rescueTarget(branches, { ...policy, accuracyTolerance: 0.01 }, 100)).toBe(exit1);
  });

  test('is nothing where no branch is loaded', () => {
    expect(rescueTarget([], policy, 100)).toBeUndefined();
    expect(rescueExit([], policy, 100)).toBeUndefined();
  });
});

describe('a frame is finished on', () => {
  test('the most accurate branch that fits with the margin, else the fastest', () => {
    expect(rescueExit(branches, policy, 10)).toBe(exit3);
    expect(rescueExit(branches, policy, 9.9)).toBe(exit2);
    expect(rescueExit(branches, policy, 0)).toBe(exit1);
  });

  test('a cheap branch though its timer was late, up to half of the margin', () => {
    expect(rescueExit(branches, policy, 5 + policy.marginMs / 2)).toBe(exit2);
    expect(rescueExit(branches, policy, 5 + policy.marginMs / 2 - 0.01)).toBe(exit1);
  });
});

test('exit 1 is rehearsed, and what is cheap by its profile, though it was slow for once', () => {
  expect(rehearsedExits([exit1, branch(2, 5, { slowMs: 50 }), exit3], policy)).toEqual([1, 2]);
  expect(rehearsedExits(branches, { ...policy, deadlineMs: 10 })).toEqual([1]);
  expect(rehearsedExits([], policy)).toEqual([1]);
});
