import type { Plan, Prediction } from './plan.ts';
import { type PlanningInput, predict } from './predict.ts';

/** A plan with what it is predicted to take. */
export interface Candidate {
  plan: Plan;
  prediction: Prediction;
  accuracy: number;
}

/** An infeasible deadline is a result of its own, never a null. */
export type PlanningResult =
  | { kind: 'feasible'; chosen: Candidate; runnerUp: Candidate | null }
  /** `lateByMs`: by how much its predicted end and the policy's margin exceed the deadline; always above 0. */
  | { kind: 'infeasible'; chosen: Candidate; lateByMs: number }
  | { kind: 'no-plan'; reason: string };

/**
 * Algorithm 1 (static): for each exit point the partition (direction, encoding) of least T; of the exits
 * whose least T is within the deadline, the most accurate; accuracies within the policy's tolerance are
 * equal, then least T. With accuracies that rise with depth this is the paper's loop from i = M down to 1.
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1
 */
export function planStatic(input: PlanningInput): PlanningResult {
  const { policy } = input;
  const allowed = exitsOf(input).filter((exit) => accuracyOf(input, exit) >= policy.minimumAccuracy);
  const rescueMs = fastestLocalMs(input);
  const best = allowed.flatMap((exit) => leastLatency(input, exit, rescueMs) ?? []);
  const feasible = best.filter(({ prediction }) => lateByMs(input, prediction) <= 0);
  const [chosen, runnerUp = null] = rank(feasible, policy.accuracyTolerance);
  if (chosen !== undefined) return { kind: 'feasible', chosen, runnerUp };
  const leastLate = best.toSorted((a, b) => a.prediction.totalMs - b.prediction.totalMs)[0];
  if (leastLate !== undefined) {
    return { kind: 'infeasible', chosen: leastLate, lateByMs: lateByMs(input, leastLate.prediction) };
  }
  const reason =
    allowed.length === 0
      ? `no exit reaches the minimum accuracy ${policy.minimumAccuracy}`
      : 'no plan of the exits that are accurate enough is allowed, admissible and in the profiles';
  return { kind: 'no-plan', reason };
}

function lateByMs({ policy }: PlanningInput, { totalMs }: Prediction): number {
  return totalMs + policy.marginMs - policy.deadlineMs;
}

/**
 * The best exit that can still be run whole on the device.
 * @param remainingMs time left for it
 * @returns the most accurate that fits, else the fastest
 */
export function planLocal(input: PlanningInput, remainingMs: number): Candidate | undefined {
  const candidates = exitsOf(input).flatMap((exit) => {
    const partition = (input.model.exits[exit - 1]?.cuts.length ?? 1) - 1;
    const plan: Plan = { exit, partition, direction: 'device-first', encoding: 'f32' };
    return input.allow?.(plan) === false ? [] : (candidate(input, plan) ?? []);
  });
  const fitting = candidates.filter(({ prediction }) => prediction.totalMs <= remainingMs);
  if (fitting.length > 0) return rank(fitting, input.policy.accuracyTolerance)[0];
  return candidates.toSorted((a, b) => a.prediction.totalMs - b.prediction.totalMs)[0];
}

/** @returns ms that the fastest whole branch takes on this device: what a fallback needs */
export function fastestLocalMs(input: PlanningInput): number {
  const { allow: _, ...unrestricted } = input;
  return planLocal(unrestricted, 0)?.prediction.totalMs ?? Number.POSITIVE_INFINITY;
}

/** All plans of one exit that the policy allows and that a missed reply could still be saved from. */
function* plansOf(input: PlanningInput, exit: number): Generator<Plan> {
  const partitions = input.model.exits[exit - 1]?.cuts.length ?? 0;
  for (let partition = 0; partition < partitions; partition += 1) {
    if (partition === partitions - 1) {
      yield { exit, partition, direction: 'device-first', encoding: 'f32' };
      continue;
    }
    if (input.offload === null || !input.policy.directions.includes('device-first')) continue;
    for (const encoding of input.policy.encodings) yield { exit, partition, direction: 'device-first', encoding };
  }
}

/** @param rescueMs what finishing on the device takes at least */
function leastLatency(input: PlanningInput, exit: number, rescueMs: number): Candidate | undefined {
  const last = (input.model.exits[exit - 1]?.cuts.length ?? 1) - 1;
  const head = input.device.exits[exit - 1]?.head ?? [];
  let best: Candidate | undefined;
  for (const plan of plansOf(input, exit)) {
    // The head alone takes longer than a whole plan that is known: most partitions of a slow device end here.
    const headMs = (head[plan.partition]?.medianMs ?? 0) * input.processorFactor;
    if (headMs > (best?.prediction.totalMs ?? Number.POSITIVE_INFINITY)) continue;
    if (input.allow?.(plan) === false) continue;
    const next = candidate(input, plan);
    if (next === undefined) continue;
    const savable = plan.partition === last || isSavable(input, next, rescueMs);
    if (savable && (best === undefined || next.prediction.totalMs < best.prediction.totalMs)) best = next;
  }
  return best;
}

/** Admissible: head + margin + finishing locally fits the deadline, so that no lost reply costs a deadline. */
function isSavable({ policy }: PlanningInput, { prediction }: Candidate, rescueMs: number): boolean {
  return (
    prediction.breakdownMs.device + policy.marginMs + rescueMs <= policy.deadlineMs || rescueMs > policy.deadlineMs
  );
}

function candidate(input: PlanningInput, plan: Plan): Candidate | undefined {
  const prediction = predict(input, plan);
  return prediction && { plan, prediction, accuracy: accuracyOf(input, plan.exit) };
}

/** 0.8 − 0.795 is more than 0.005 in binary: a difference of just the tolerance is to count as equal. */
const roundingError = 1e-12;

/** Most accurate first; within the tolerance of the most accurate, least T first. */
function rank(candidates: readonly Candidate[], tolerance: number): Candidate[] {
  const top = Math.max(...candidates.map(({ accuracy }) => accuracy));
  const tier = ({ accuracy }: Candidate): number => (top - accuracy <= tolerance + roundingError ? 0 : 1);
  return candidates.toSorted(
    (a, b) =>
      tier(a) - tier(b) || (tier(a) === 1 ? b.accuracy - a.accuracy : 0) || a.prediction.totalMs - b.prediction.totalMs,
  );
}

function exitsOf(input: PlanningInput): number[] {
  return input.model.exits.map((_, index) => index + 1);
}

function accuracyOf(input: PlanningInput, exit: number): number {
  return input.model.exits[exit - 1]?.accuracy ?? 0;
}
