import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admissibleOf, everyPlan, isInTime, type ScoredPlan, withLink } from '../testing/every-plan.ts';
import { arbitraryPlanningCase, type PlanningCase } from '../testing/planning-input.ts';
import { type PlanningResult, planStatic } from './algorithm-1.ts';
import { samePlan } from './plan.ts';
import { predict, reserveOf } from './predict.ts';
import { preparePlans } from './prepared-plans.ts';
import { paperReward } from './reward.ts';

/** Sums of the same times in another order differ by less, ms. */
const rounding = 1e-9;

/** What the policy's objective must come to, and all plans that are equally good. */
function bruteForce(planningCase: PlanningCase): { kind: PlanningResult['kind']; best: ScoredPlan[] } {
  const { policy } = planningCase.input;
  const plans = admissibleOf(planningCase);
  const feasible = plans.filter((plan) => isInTime(planningCase, plan));
  if (feasible.length === 0) return { kind: plans.length > 0 ? 'infeasible' : 'no-plan', best: fastest(plans) };
  if (policy.objective === 'paper') {
    const rewardOf = ({ accuracy, totalMs }: ScoredPlan): number =>
      paperReward(accuracy, { totalMs, deadlineMs: policy.deadlineMs }, policy.rewardWeights);
    const greatest = Math.max(...feasible.map(rewardOf));
    return { kind: 'feasible', best: feasible.filter((plan) => rewardOf(plan) >= greatest * (1 - rounding)) };
  }
  if (policy.objective === 'latency') return { kind: 'feasible', best: fastest(feasible) };
  const top = Math.max(...feasible.map(({ accuracy }) => accuracy));
  // Accuracies of the generator are 0.05 apart: half a step more decides nothing but rounding.
  const pool = feasible.filter(({ accuracy }) => accuracy > top - policy.accuracyTolerance - 0.025);
  return { kind: 'feasible', best: fastest(pool) };
}

function fastest(plans: readonly ScoredPlan[]): ScoredPlan[] {
  const least = Math.min(...plans.map(({ totalMs }) => totalMs));
  return plans.filter(({ totalMs }) => totalMs <= least + rounding);
}

test('every plan is priced as a sum of its parts, made apart from the planner', () => {
  fc.assert(
    fc.property(arbitraryPlanningCase, (planningCase) => {
      for (const { plan, totalMs } of everyPlan(planningCase)) {
        const prediction = predict(planningCase.input, plan);
        expect(prediction?.totalMs).toBeCloseTo(totalMs, 9);
        const parts = Object.values(prediction?.breakdownMs ?? {});
        expect(parts.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(totalMs, 9);
      }
    }),
    { numRuns: 200 },
  );
});

test('the choice is one of the best plans that a search of all plans finds, for each objective', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(arbitraryPlanningCase, (planningCase) => {
      const { input } = planningCase;
      const expected = bruteForce(planningCase);
      const result = planStatic(input);
      kinds.add(`${result.kind} ${input.policy.objective}`);
      expect(result.kind).toBe(expected.kind);
      if (result.kind === 'no-plan') return;
      const { plan, prediction, accuracy } = result.chosen;
      const found = expected.best.find((other) => samePlan(other.plan, plan));
      expect(found?.accuracy).toBe(accuracy);
      expect(prediction).toEqual(predict(input, plan));
      if (result.kind === 'infeasible') {
        const { policy } = input;
        expect(result.lateByMs).toBeCloseTo(prediction.totalMs + reserveOf(input, prediction) - policy.deadlineMs, 9);
        expect(result.lateByMs).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2000 },
  );
  const each = ['accuracy', 'latency', 'paper'];
  expect([...kinds].toSorted()).toEqual(
    ['feasible', 'infeasible', 'no-plan'].flatMap((kind) => each.map((objective) => `${kind} ${objective}`)),
  );
});

test('the runner-up is what would be chosen without the chosen exit', () => {
  let found = 0;
  fc.assert(
    fc.property(arbitraryPlanningCase, ({ input }) => {
      const result = planStatic(input);
      if (result.kind !== 'feasible') return;
      const { allow = () => true } = input;
      const others = planStatic({ ...input, allow: (plan) => plan.exit !== result.chosen.plan.exit && allow(plan) });
      expect(result.runnerUp).toEqual(others.kind === 'feasible' ? others.chosen : null);
      if (result.runnerUp !== null) found += 1;
    }),
    { numRuns: 1000 },
  );
  expect(found).toBeGreaterThan(50);
});

test('with accuracies that rise with depth and no tolerance, it is the deepest exit that meets the deadline', () => {
  fc.assert(
    fc.property(arbitraryPlanningCase, ({ tables, input }) => {
      const exits = tables.model.exits.map(({ name, cuts }, index) => ({ name, cuts, accuracy: 0.5 + index / 10 }));
      const rising = { ...tables, model: { exits } };
      const policy = { ...input.policy, accuracyTolerance: 0, minimumAccuracy: 0, objective: 'accuracy' } as const;
      const planningCase = { tables: rising, input: { ...input, plans: preparePlans(rising), policy } };
      const plans = admissibleOf(planningCase);
      // The paper's loop: i from M down to 1, the first of which a plan is within the deadline.
      let deepest: number | undefined;
      for (let exit = exits.length; exit >= 1 && deepest === undefined; exit -= 1) {
        if (plans.some((plan) => plan.plan.exit === exit && isInTime(planningCase, plan))) deepest = exit;
      }
      const result = planStatic(planningCase.input);
      expect(result.kind === 'feasible' ? result.chosen.plan.exit : undefined).toBe(deepest);
    }),
    { numRuns: 1000 },
  );
});

test('the deadline that is said to be needed is the least one above the policy’s that works', () => {
  let infeasible = 0;
  fc.assert(
    fc.property(arbitraryPlanningCase, fc.double({ min: 0, max: 1, noNaN: true }), ({ input }, share) => {
      const { policy } = input;
      const result = planStatic(input);
      if (result.kind !== 'infeasible') return;
      infeasible += 1;
      const { neededDeadlineMs } = result;
      const kindAt = (deadlineMs: number): string => planStatic({ ...input, policy: { ...policy, deadlineMs } }).kind;
      expect(neededDeadlineMs).toBeGreaterThan(policy.deadlineMs);
      expect(kindAt(neededDeadlineMs)).toBe('feasible');
      const between = policy.deadlineMs + share * (neededDeadlineMs - policy.deadlineMs) * (1 - 1e-9);
      expect(kindAt(between)).not.toBe('feasible');
    }),
    { numRuns: 2000 },
  );
  expect(infeasible).toBeGreaterThan(100);
});

test('the uplink rate that is said to be needed works, and a millionth less does not', () => {
  const seen = { rate: 0, none: 0 };
  fc.assert(
    fc.property(arbitraryPlanningCase, (planningCase) => {
      const result = planStatic(planningCase.input);
      if (result.kind !== 'infeasible') return;
      const { neededUplinkMbps } = result;
      const kindAt = (uplinkMbps: number): string => planStatic(withLink(planningCase, { uplinkMbps }).input).kind;
      seen[neededUplinkMbps === null ? 'none' : 'rate'] += 1;
      if (neededUplinkMbps === null) {
        expect(kindAt(100_000)).not.toBe('feasible');
        return;
      }
      expect(neededUplinkMbps).toBeGreaterThan(planningCase.input.offload?.link.uplinkMbps ?? Number.NaN);
      expect(kindAt(neededUplinkMbps)).toBe('feasible');
      expect(kindAt(neededUplinkMbps * (1 - 1.01e-6))).not.toBe('feasible');
    }),
    { numRuns: 2000 },
  );
  expect(seen.rate).toBeGreaterThan(10);
  expect(seen.none).toBeGreaterThan(50);
});

test('the same input gives the same plan', () => {
  fc.assert(
    fc.property(arbitraryPlanningCase, ({ input }) => {
      expect(planStatic(input)).toEqual(planStatic(input));
    }),
  );
});
