import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryPlanningInput } from '../testing/planning-input.ts';
import { type PlanningResult, planStatic } from './algorithm-1.ts';
import { type Plan, samePlan } from './plan.ts';
import { type PlanningInput, predict } from './predict.ts';

interface Scored {
  plan: Plan;
  totalMs: number;
  accuracy: number;
}

/** Everything there is to choose from, written down without any search: all plans that may be used at all. */
function allPlans(input: PlanningInput): Scored[] {
  const { model, policy, offload, allow = () => true } = input;
  const rescueMs = Math.min(...model.exits.map((_, i) => headMs(input, i + 1, lastOf(input, i + 1))));
  return model.exits.flatMap(({ accuracy, cuts }, index) => {
    const exit = index + 1;
    const local: Plan = { exit, partition: cuts.length - 1, direction: 'device-first', encoding: 'f32' };
    const remote = cuts.slice(0, -1).flatMap((_, partition) => {
      const head = headMs(input, exit, partition);
      const isSaved = rescueMs > policy.deadlineMs || head + policy.marginMs + rescueMs <= policy.deadlineMs;
      if (offload === null || !isSaved || !policy.directions.includes('device-first')) return [];
      return policy.encodings.map((encoding): Plan => ({ exit, partition, direction: 'device-first', encoding }));
    });
    return [...remote, local]
      .filter((plan) => accuracy >= policy.minimumAccuracy && allow(plan))
      .map((plan) => ({ plan, accuracy, totalMs: predict(input, plan)?.totalMs ?? Number.NaN }));
  });
}

function lastOf(input: PlanningInput, exit: number): number {
  return (input.model.exits[exit - 1]?.cuts.length ?? 0) - 1;
}

function headMs(input: PlanningInput, exit: number, partition: number): number {
  return (input.device.exits[exit - 1]?.head[partition]?.medianMs ?? Number.NaN) * input.processorFactor;
}

/** What Algorithm 1 with the platform's order of preference must come to, and all plans that are equally good. */
function bruteForce(input: PlanningInput): { kind: PlanningResult['kind']; best: Scored[] } {
  const { policy } = input;
  const plans = allPlans(input);
  const feasible = plans.filter(({ totalMs }) => totalMs + policy.marginMs <= policy.deadlineMs);
  const top = Math.max(...feasible.map(({ accuracy }) => accuracy));
  // Accuracies of the generator are 0.05 apart: half a step more decides nothing but rounding.
  const pool =
    feasible.length > 0 ? feasible.filter(({ accuracy }) => accuracy > top - policy.accuracyTolerance - 0.025) : plans;
  const least = Math.min(...pool.map(({ totalMs }) => totalMs));
  const kind = feasible.length > 0 ? 'feasible' : plans.length > 0 ? 'infeasible' : 'no-plan';
  return { kind, best: pool.filter(({ totalMs }) => totalMs === least) };
}

test('the choice is one of the best plans that a search of all plans finds', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(arbitraryPlanningInput, (input) => {
      const expected = bruteForce(input);
      const result = planStatic(input);
      kinds.add(result.kind);
      expect(result.kind).toBe(expected.kind);
      if (result.kind === 'no-plan') return;
      const { plan, prediction, accuracy } = result.chosen;
      expect(prediction.totalMs).toBe(expected.best[0]?.totalMs);
      const found = expected.best.find((other) => samePlan(other.plan, plan));
      expect(found?.accuracy).toBe(accuracy);
      if (result.kind === 'infeasible') {
        expect(result.lateByMs).toBe(prediction.totalMs + input.policy.marginMs - input.policy.deadlineMs);
        expect(result.lateByMs).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2000 },
  );
  expect([...kinds].toSorted()).toEqual(['feasible', 'infeasible', 'no-plan']);
});

test('the runner-up is feasible, of another exit and never better than the choice', () => {
  fc.assert(
    fc.property(arbitraryPlanningInput, (input) => {
      const result = planStatic(input);
      if (result.kind !== 'feasible' || result.runnerUp === null) return;
      const { chosen, runnerUp } = result;
      const { deadlineMs, marginMs, accuracyTolerance } = input.policy;
      expect(runnerUp.plan.exit).not.toBe(chosen.plan.exit);
      expect(runnerUp.prediction.totalMs + marginMs).toBeLessThanOrEqual(deadlineMs);
      const isClearlyMoreAccurate = runnerUp.accuracy > chosen.accuracy + accuracyTolerance + 1e-9;
      expect(isClearlyMoreAccurate).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('with accuracies that rise with depth and no tolerance, it is the deepest exit that meets the deadline', () => {
  fc.assert(
    fc.property(arbitraryPlanningInput, ({ model, policy, ...rest }) => {
      const input: PlanningInput = {
        ...rest,
        model: { exits: model.exits.map((exit, index) => ({ ...exit, accuracy: 0.5 + index / 10 })) },
        policy: { ...policy, accuracyTolerance: 0, minimumAccuracy: 0 },
      };
      const plans = allPlans(input);
      // The paper's loop: i from M down to 1, the first whose least T is within the deadline.
      let deepest: number | undefined;
      for (let exit = model.exits.length; exit >= 1 && deepest === undefined; exit -= 1) {
        const times = plans.filter(({ plan }) => plan.exit === exit).map(({ totalMs }) => totalMs);
        if (Math.min(...times) + policy.marginMs <= policy.deadlineMs) deepest = exit;
      }
      const result = planStatic(input);
      expect(result.kind === 'feasible' ? result.chosen.plan.exit : undefined).toBe(deepest);
    }),
    { numRuns: 2000 },
  );
});

test('the same input gives the same plan', () => {
  fc.assert(
    fc.property(arbitraryPlanningInput, (input) => {
      expect(planStatic(input)).toEqual(planStatic(input));
    }),
  );
});
