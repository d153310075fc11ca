import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryPlanningCase, planningInput, type SmallExit } from '../testing/planning-input.ts';
import { planStatic } from './algorithm-1.ts';
import { chanceOf, isAtStake, isMoving, planByChance } from './best-chance.ts';
import { describePlan, type Plan } from './plan.ts';
import { type PlanningInput, predict } from './predict.ts';

const rounding = 1e-12;
const arbitraryMoves = fc
  .array(fc.double({ min: -3, max: 3, noNaN: true }), { maxLength: 32 })
  .map((moves) => moves.toSorted((a, b) => a - b));

describe('the chance that a rate moves so far up at least', () => {
  test('falls from 1 to 0, and is what share of the moves did, to one of them', () => {
    fc.assert(
      fc.property(arbitraryMoves, fc.array(fc.double({ min: -20, max: 20, noNaN: true })), (moves, needed) => {
        let before = 1;
        for (const move of needed.toSorted((a, b) => a - b)) {
          const chance = chanceOf(move, moves);
          expect(chance).toBeGreaterThanOrEqual(0);
          expect(chance).toBeLessThanOrEqual(before + rounding);
          if (moves.length > 0) {
            const oneMove = 1.000001 / (moves.length + 1);
            const share = (isSo: (other: number) => boolean): number => moves.filter(isSo).length / moves.length;
            expect(chance).toBeGreaterThanOrEqual(share((other) => other > move) - oneMove);
            expect(chance).toBeLessThanOrEqual(share((other) => other >= move) + oneMove);
          }
          before = chance;
        }
      }),
    );
  });

  test('is even of a link that nothing is known of, and never quite none', () => {
    expect(chanceOf(0, [])).toBe(0.5);
    expect(chanceOf(5, [])).toBeGreaterThan(0);
    expect(chanceOf(5, [-0.1, 0, 0.1])).toBeGreaterThan(0);
    expect(chanceOf(-5, [-0.1, 0, 0.1])).toBeLessThan(1);
  });
});

test('a link moves that nothing is known of, and one that half of its transfers found elsewhere', () => {
  const link = (uplinkMoves: readonly number[]) => ({ uplinkMbps: 1, downlinkMbps: 1, rttMs: 0, uplinkMoves });
  expect(isMoving({ uplinkMbps: 1, downlinkMbps: 1, rttMs: 0 })).toBe(true);
  expect(isMoving(link([-0.3, -0.06, 0, 0.01, 0.2]))).toBe(true);
  expect(isMoving(link([-2, -0.04, -0.01, 0.02, 0.03]))).toBe(false);
});

describe('the plan of greatest expected accuracy', () => {
  // The device takes 200 ms alone. 3,000 elements in f32 take 49 ms at 2 Mbit/s, 500 take 8 ms.
  const head: SmallExit = { accuracy: 0.8, headMs: [0, 20, 200], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
  const input = (deadlineMs: number, uplinkMbps: number, uplinkMoves: readonly number[] = []): PlanningInput => ({
    ...planningInput([{ ...head, accuracy: 0.6, tailMs: [9, 2, 0] }, head], { deadlineMs, marginMs: 5 }),
    offload: { queueMs: 0, link: { uplinkMbps, downlinkMbps: uplinkMbps, rttMs: 0, uplinkMoves } },
  });
  const chosen = (planning: PlanningInput): string => {
    const planned = planByChance(planning);
    return planned === undefined ? 'none' : describePlan(planned.chosen.plan);
  };

  test('is what the least rate would do for, where the link is believed to be too slow for all', () => {
    const slow = input(60, 0.4);
    expect(planStatic(slow)).toMatchObject({ kind: 'infeasible' });
    expect(chosen(slow)).toBe('exit1 @1 f32');
  });

  test('is as deep as the link has been seen to allow', () => {
    // Exit 2 needs 0.9 Mbit/s, exit 1 half of that.
    expect(chosen(input(60, 1, [-0.05, -0.02, 0, 0.03]))).toBe('exit2 @1 f32');
    expect(chosen(input(60, 1, [-0.6, -0.3, 0.1, 0.3]))).toBe('exit1 @1 f32');
    expect(planByChance(input(60, 1, [-0.05, -0.02, 0, 0.03]))?.runnerUp?.plan.exit).toBe(1);
  });

  test('is none without a worker, or where no rate would do', () => {
    expect(chosen({ ...input(60, 1), offload: null })).toBe('none');
    expect(chosen(input(21, 1000))).toBe('exit1 @0 f32');
    expect(chosen(input(9, 1000))).toBe('none');
  });

  test('is one that no other has a greater expectation than, by what each would take at rates the link moved to', () => {
    let compared = 0;
    fc.assert(
      fc.property(arbitraryPlanningCase, arbitraryMoves, ({ input: generated }, uplinkMoves) => {
        if (generated.offload === null || !isAtStake(generated)) return;
        const link = { ...generated.offload.link, uplinkMoves };
        const planning = { ...generated, deviceSpread: 1, offload: { ...generated.offload, link } };
        const planned = planByChance(planning);
        const { policy, plans } = planning;
        const allowed = plans.all.filter(({ plan }) => isAllowed(planning, plan));
        const expectations = allowed.map(({ plan, accuracy }) => accuracy * chanceFor(planning, plan, uplinkMoves));
        const most = Math.max(0, ...expectations);
        expect(planned === undefined).toBe(most === 0);
        if (planned === undefined) return;
        const ours = planned.chosen.accuracy * chanceFor(planning, planned.chosen.plan, uplinkMoves);
        expect(ours).toBeGreaterThanOrEqual(most * (1 - policy.accuracyTolerance) * (1 - 1e-9));
        compared += 1;
      }),
      { numRuns: 3000 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});

function isAllowed({ policy, allow, plans }: PlanningInput, plan: Plan): boolean {
  const { encoding, direction, partition, exit } = plan;
  const prepared = plans.all.find((other) => other.plan === plan);
  if (prepared === undefined || prepared.accuracy < policy.minimumAccuracy || allow?.(plan) === false) return false;
  const isLocal = partition === (plans.model.exits[exit - 1]?.cuts.length ?? 0) - 1;
  if (isLocal) return true;
  const directionFits = partition === 0 ? policy.directions.length > 0 : policy.directions.includes(direction);
  return directionFits && policy.encodings.includes(encoding);
}

/** Of the wire's share of T at the believed rate, and of what the rest leaves for it. */
function chanceFor(input: PlanningInput, plan: Plan, moves: readonly number[]): number {
  const prediction = predict(input, plan);
  if (prediction === undefined) return 0;
  const atOnce = { uplinkMbps: 1e12, downlinkMbps: 1e12, rttMs: input.offload?.link.rttMs ?? 0 };
  const otherMs = predict({ ...input, offload: { queueMs: input.offload?.queueMs ?? 0, link: atOnce } }, plan)?.totalMs;
  const wireMs = prediction.totalMs - (otherMs ?? 0);
  const leftMs = input.policy.deadlineMs - (otherMs ?? 0);
  return leftMs > 0 ? chanceOf(Math.log(Math.max(1e-9, wireMs) / leftMs), moves) : 0;
}
