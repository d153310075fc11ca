import type { Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { Log } from '../shared/runtime/log.ts';
import { fits } from './decision.ts';

/** Why a plan that the model has is not run although it is forced. */
type WhyNot =
  | 'direction-forbidden'
  | 'encoding-forbidden'
  | 'accuracy-too-low'
  | 'no-worker'
  /** Its head would leave no time to finish on the device, or no profile has its segments. */
  | 'not-admissible';

/**
 * Whoever forces a plan must hear that another is run. A device goes on meanwhile, for the policy that forbids the plan
 * may be changed at any time, and the worker that is away come back.
 * @returns to be told of each frame; it warns once of each reason under each version of the policy
 */
export function createForcedPlanWarning(log: Log): (forced: Partial<Plan>, input: PlanningInput) => void {
  let warned: { policyVersion: number; reasons: Set<WhyNot> } | undefined;
  return (forced, input) => {
    const { version } = input.policy;
    if (warned?.policyVersion !== version) warned = { policyVersion: version, reasons: new Set() };
    const reason = whyNot(forced, input);
    if (warned.reasons.has(reason)) return;
    warned.reasons.add(reason);
    log.warn(
      { plan: forced, reason, policyVersion: version },
      'the forced plan is not run: the device runs whole exits instead',
    );
  };
}

function whyNot(forced: Partial<Plan>, input: PlanningInput): WhyNot {
  const { policy, plans, offload } = input;
  const { exit = 0, partition, direction, encoding } = forced;
  const sendsNothing = partition === (plans.model.exits[exit - 1]?.cuts.length ?? 0) - 1;
  if (!sendsNothing) {
    // Edge-only is the end of either direction.
    if (direction !== undefined && partition !== 0 && !policy.directions.includes(direction)) {
      return 'direction-forbidden';
    }
    if (encoding !== undefined && !policy.encodings.includes(encoding)) return 'encoding-forbidden';
  }
  const named = plans.all.filter(({ plan }) => fits(input, plan, forced));
  if (named.length > 0 && named.every(({ accuracy }) => accuracy < policy.minimumAccuracy)) return 'accuracy-too-low';
  return !sendsNothing && offload === null ? 'no-worker' : 'not-admissible';
}
