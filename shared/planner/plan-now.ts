import { imageMs, isSavable, rescueOf } from './admissible-plans.ts';
import { planStatic } from './algorithm-1.ts';
import { linkIn } from './algorithm-2.ts';
import type { DynamicDecision } from './algorithm-3.ts';
import { isAtStake, isMoving, planByChance } from './best-chance.ts';
import { type PlannedNow, samePlan } from './plan.ts';
import { candidateOf, type PlanningInput, reserveOf } from './predict.ts';
import type { PreparedPlan } from './prepared-plans.ts';

/**
 * Algorithm 1 for a frame that is there. Where no local exit would end within the deadline and the link moves, a plan of
 * objective `accuracy` is chosen by its chance. So it is where nothing seems to be in time because the device's thread is
 * busy: a worker takes nothing from the device, which begins a local exit as soon as it can and takes what comes first.
 * @returns the plan, in time or not; undefined where none may be chosen
 * @throws {FleetError} `planning-input-invalid`
 */
export function planNow(input: PlanningInput): PlannedNow | undefined {
  const byChance = chosenByChance(input);
  if (byChance !== undefined) return byChance;
  const result = planStatic(input);
  if (result.kind === 'no-plan') return undefined;
  const { chosen } = result;
  if (result.kind === 'feasible') return { chosen, runnerUp: result.runnerUp };
  return (isBusy(input) && isAtStake(input) ? planByChance(input) : undefined) ?? { chosen, runnerUp: null };
}

/** What was looked up in a map. */
export type LookedUp = Pick<DynamicDecision, 'state' | 'chosen' | 'runnerUp' | 'feasible'>;

/**
 * The plan of a state as this device can run it now. A map knows neither how much the device's times and its link vary
 * nor what its thread is busy with. Its plan stands as long as it meets the deadline by the device's times as they are
 * now, and a missed reply could still be saved; else it gives way to what is planned for the state's rate.
 * @param found a plan that misses the deadline anyway stands unless another one has a chance
 * @returns undefined where no worker can be used, or the tables here lack the plan: the map was built from others
 * @throws {FleetError} `planning-input-invalid`
 */
export function planOfState(input: PlanningInput, found: LookedUp): PlannedNow | undefined {
  const { plans, offload } = input;
  const prepared = plans.all.find(({ plan }) => samePlan(plan, found.chosen.plan));
  if (offload === null || prepared === undefined) return undefined;
  const byChance = chosenByChance(input);
  if (byChance !== undefined) return byChance;
  if (found.feasible ? stands(input, found, prepared) : !isBusy(input)) return found;
  return planNow({ ...input, offload: { ...offload, link: linkIn(found.state, offload.link) } }) ?? found;
}

function isBusy({ busyMs = 0 }: PlanningInput): boolean {
  return busyMs > 0;
}

function chosenByChance(input: PlanningInput): PlannedNow | undefined {
  const { policy, offload } = input;
  const moves = offload !== null && isMoving(offload.link);
  return moves && policy.objective === 'accuracy' && isAtStake(input) ? planByChance(input) : undefined;
}

/** The link's and the worker's part count as the map has them: these follow the state. */
function stands(input: PlanningInput, { chosen: { prediction } }: LookedUp, prepared: PreparedPlan): boolean {
  const now = candidateOf(input, prepared).prediction;
  const endMs = prediction.totalMs - prediction.breakdownMs.device + now.breakdownMs.device;
  if (endMs + reserveOf(input, now) > input.policy.deadlineMs) return false;
  return prepared.isLocal || isSavable(rescueOf(input), prepared.headMs, imageMs(input, prepared.plan));
}
