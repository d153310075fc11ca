import { admissible, totalsOn } from './admissible-plans.ts';
import { checkPlanningInput } from './check-input.ts';
import { choose, leastLate } from './choice.ts';
import { leastDeadlineMs, leastUplinkMbps } from './least-needs.ts';
import type { Candidate } from './plan.ts';
import { candidateOf, deviceFactor, type PlanningInput } from './predict.ts';

/** An infeasible deadline is a result of its own, never a null. */
export type PlanningResult =
  /** `runnerUp`: what would be chosen without the chosen exit; null where no other exit meets the deadline. */
  | { kind: 'feasible'; chosen: Candidate; runnerUp: Candidate | null }
  | InfeasiblePlanning
  | { kind: 'no-plan'; reason: string };

/** No plan meets the deadline: the least late one, by how much, and what would do. */
export interface InfeasiblePlanning {
  kind: 'infeasible';
  chosen: Candidate;
  /** By how much its predicted end, and what must be left after it, exceed the deadline; always above 0. */
  lateByMs: number;
  /** The least deadline above the policy's that some plan meets, exact. */
  neededDeadlineMs: number;
  /**
   * The least uplink rate at which some plan meets the deadline, all else as it is: that rate does, a millionth less
   * does not. Null where 100 Gbit/s do not help either.
   */
  neededUplinkMbps: number | null;
}

/**
 * Algorithm 1 (static): for each exit point the partition (direction, encoding) of least T; of the exits
 * whose least T is within the deadline, the most accurate; accuracies within the policy's tolerance are
 * equal, then least T. With accuracies that rise with depth this is the paper's loop from i = M down to 1.
 * Accuracies may differ within an exit by the encoding, so that all plans are looked at together. The policy's other
 * objectives choose among the same admissible plans.
 * @throws {FleetError} `planning-input-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1
 */
export function planStatic(input: PlanningInput): PlanningResult {
  checkPlanningInput(input);
  const { plans, policy, offload } = input;
  const allowed = admissible(input);
  const { fixedMs, reserveMs } = allowed;
  const priced = { plans, totalsMs: offload === null ? fixedMs : totalsOn(plans, fixedMs, offload.link), reserveMs };
  const best = plans.all[choose(priced, policy)];
  if (best !== undefined) {
    const next = plans.all[choose(priced, policy, best.plan.exit)];
    return { kind: 'feasible', chosen: candidateOf(input, best), runnerUp: next ? candidateOf(input, next) : null };
  }
  const lateIndex = leastLate(priced);
  const late = plans.all[lateIndex];
  if (late === undefined) return { kind: 'no-plan', reason: reasonOfNone(input) };
  const chosen = candidateOf(input, late);
  return {
    kind: 'infeasible',
    chosen,
    lateByMs: chosen.prediction.totalMs + (reserveMs[lateIndex] ?? 0) - policy.deadlineMs,
    neededDeadlineMs: leastDeadlineMs(input),
    neededUplinkMbps: leastUplinkMbps(input, allowed),
  };
}

/**
 * The best exit that can still be run whole on the device, behind what runs on its thread.
 * @param remainingMs time left for it
 * @returns the most accurate that fits at the slowest that the device computes, else the fastest; undefined where none is
 *   allowed
 */
export function planLocal(input: PlanningInput, remainingMs: number): Candidate | undefined {
  const { plans, allow, policy, busyMs = 0, deviceSpread = 1 } = input;
  const factor = deviceFactor(input);
  const totalsMs = new Float64Array(plans.all.length).fill(Number.POSITIVE_INFINITY);
  for (const [i, { plan, deviceMs }] of plans.local.entries()) {
    // Whole branches come first of all plans.
    if (allow === undefined || allow(plan)) totalsMs[i] = (busyMs + deviceMs * factor) * deviceSpread;
  }
  const priced = { plans, totalsMs, reserveMs: new Float64Array(plans.all.length) };
  const goal = { ...policy, objective: 'accuracy', deadlineMs: remainingMs } as const;
  const best = plans.all[choose(priced, goal)] ?? plans.all[leastLate(priced)];
  return best && candidateOf(input, best);
}

/** @returns why no plan is left, in words */
export function reasonOfNone({ plans, policy }: PlanningInput): string {
  return plans.model.exits.every(({ accuracy }) => accuracy < policy.minimumAccuracy)
    ? `no exit reaches the minimum accuracy ${policy.minimumAccuracy}`
    : 'no plan of the exits that are accurate enough is allowed, admissible and in the profiles';
}
