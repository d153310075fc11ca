import { planStatic } from '../../../shared/planner/algorithm-1.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../../../shared/planner/predict.ts';
import type { Policy } from '../../../shared/protocol/messages.ts';
import type { Selection } from './method.ts';

/** @returns what Algorithm 1 chooses where the policy says this as well; the least late plan where none is in time */
export function selectStatic(
  input: PlanningInput,
  change: Partial<Policy>,
  allow?: (plan: Plan) => boolean,
): Selection | null {
  const policy = { ...input.policy, ...change };
  const result = planStatic(allow === undefined ? { ...input, policy } : { ...input, policy, allow });
  if (result.kind === 'no-plan') return null;
  const { plan, prediction, accuracy } = result.chosen;
  return { plan, predictedMs: prediction.totalMs, accuracy };
}

/** @returns a plan that is fixed, as it is predicted; null where the costs do not know it */
export function selectFixed(input: PlanningInput, plan: Plan): Selection | null {
  const prediction = predict(input, plan);
  if (prediction === undefined) return null;
  const accuracy = input.plans.model.exits[plan.exit - 1]?.accuracy ?? 0;
  return { plan, predictedMs: prediction.totalMs, accuracy };
}

/** @returns the whole branch of an exit on the device */
export function wholeBranch({ plans }: PlanningInput, exit: number): Plan {
  const partition = (plans.model.exits[exit - 1]?.cuts.length ?? 1) - 1;
  return { exit, partition, direction: 'device-first', encoding: 'f32' };
}
