import { isSavable, rescueOf } from './admissible-plans.ts';
import { planStatic } from './algorithm-1.ts';
import { linkIn } from './algorithm-2.ts';
import type { DynamicDecision } from './algorithm-3.ts';
import { type Candidate, samePlan } from './plan.ts';
import { candidateOf, type PlanningInput, reserveOf } from './predict.ts';
import type { PreparedPlan } from './prepared-plans.ts';

/** What a frame is run by, and what would have been chosen without the exit of it. */
export interface PlannedNow {
  chosen: Candidate;
  runnerUp: Candidate | null;
}

/** A worker that would answer after so many deadlines is not asked for the sake of chance. */
const hopelessFactor = 2;

/**
 * Algorithm 1 for a frame that is there. Where nothing meets the deadline because the device's thread is busy, a worker is
 * asked all the same: it takes nothing from the device, which begins a local exit as soon as it can and takes what comes
 * first.
 * @returns the plan, in time or not; undefined where none may be chosen
 * @throws {FleetError} `planning-input-invalid`
 */
export function planNow(input: PlanningInput): PlannedNow | undefined {
  const result = planStatic(input);
  if (result.kind === 'no-plan') return undefined;
  const { chosen } = result;
  if (result.kind === 'feasible') return { chosen, runnerUp: result.runnerUp };
  return { chosen: (isBusy(input) && askedAnyway(input)) || chosen, runnerUp: null };
}

/** What was looked up in a map. */
export type LookedUp = Pick<DynamicDecision, 'state' | 'chosen' | 'runnerUp' | 'feasible'>;

/**
 * The plan of a state as this device can run it now. A map knows neither how much the device's times vary nor what its
 * thread is busy with. Its plan stands as long as it meets the deadline by the device's times as they are now, and a
 * missed reply could still be saved; else it gives way to what is planned for the state's rate.
 * @param found a plan that misses the deadline anyway stands unless the thread is busy
 * @returns undefined where no worker can be used, or the tables here lack the plan: the map was built from others
 * @throws {FleetError} `planning-input-invalid`
 */
export function planOfState(input: PlanningInput, found: LookedUp): PlannedNow | undefined {
  const { plans, offload } = input;
  const prepared = plans.all.find(({ plan }) => samePlan(plan, found.chosen.plan));
  if (offload === null || prepared === undefined) return undefined;
  if (found.feasible ? stands(input, found, prepared) : !isBusy(input)) return found;
  return planNow({ ...input, offload: { ...offload, link: linkIn(found.state, offload.link) } }) ?? found;
}

function isBusy({ busyMs = 0 }: PlanningInput): boolean {
  return busyMs > 0;
}

/** @returns the fastest plan without a head, if it is not hopeless */
function askedAnyway(input: PlanningInput): Candidate | undefined {
  const { policy, allow = () => true } = input;
  const result = planStatic({ ...input, allow: (plan) => plan.partition === 0 && allow(plan) });
  if (result.kind === 'no-plan') return undefined;
  return result.chosen.prediction.totalMs <= hopelessFactor * policy.deadlineMs ? result.chosen : undefined;
}

/** The link's and the worker's part count as the map has them: these follow the state. */
function stands(input: PlanningInput, { chosen: { prediction } }: LookedUp, prepared: PreparedPlan): boolean {
  const now = candidateOf(input, prepared).prediction;
  const endMs = prediction.totalMs - prediction.breakdownMs.device + now.breakdownMs.device;
  if (endMs + reserveOf(input, now) > input.policy.deadlineMs) return false;
  return prepared.isLocal || isSavable(rescueOf(input), prepared.headMs);
}
