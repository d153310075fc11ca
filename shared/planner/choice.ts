import type { Policy } from '../protocol/messages.ts';
import type { PreparedPlans } from './prepared-plans.ts';
import { paperReward } from './reward.ts';

/** Plans side by side with their T, infinite for those that may not be chosen. */
export interface PricedPlans {
  readonly plans: Pick<PreparedPlans, 'accuracy' | 'exit'>;
  /** totalsMs[i] belongs to plan i. */
  readonly totalsMs: Float64Array;
  /** What must be left of the deadline at the end of plan i, ms. */
  readonly reserveMs: Float64Array;
}

/** What of a policy a choice among admissible plans depends on. */
export type Goal = Pick<Policy, 'deadlineMs' | 'objective' | 'accuracyTolerance' | 'rewardWeights'>;

/** No plan. */
export const none = -1;

/** A time that meets no deadline. */
const late = Number.MAX_VALUE;

/** 0.8 − 0.795 is more than 0.005 in binary: a difference of just the tolerance is to count as equal. */
const roundingError = 1e-12;

/**
 * The one order of preference. Objective `accuracy`: of the plans whose accuracy is within the tolerance of the
 * highest that meets the deadline, the one of least T; `latency`: the one of least T; `paper`: the one of greatest
 * reward. Of equal ones the more accurate, then the first.
 * @param exceptExit leaves the plans of this exit out
 * @returns the index of the plan, `none` where none meets the deadline with its reserve
 */
export function choose(priced: PricedPlans, goal: Goal, exceptExit = 0): number {
  switch (goal.objective) {
    case 'accuracy':
      return mostAccurate(priced, goal, exceptExit);
    case 'latency':
      return leastTotal(priced, goal, { exceptExit, leastAccuracy: 0 });
    case 'paper':
      return greatestReward(priced, goal, exceptExit);
  }
}

/** Objective `accuracy`, whatever the policy's is. @returns as {@link choose} */
export function mostAccurate(
  priced: PricedPlans,
  goal: TimeLimit & Pick<Policy, 'accuracyTolerance'>,
  exceptExit = 0,
): number {
  const leastAccuracy = topAccuracy(priced, goal, exceptExit) - goal.accuracyTolerance - roundingError;
  return leastTotal(priced, goal, { exceptExit, leastAccuracy });
}

/** @returns the index of the plan of least T, whatever the deadline; `none` where no plan may be chosen */
export function leastLate(priced: PricedPlans): number {
  return leastTotal(priced, { deadlineMs: Number.POSITIVE_INFINITY }, { exceptExit: 0, leastAccuracy: 0 });
}

type TimeLimit = Pick<Policy, 'deadlineMs'>;

function topAccuracy(
  { plans: { accuracy, exit }, totalsMs, reserveMs }: PricedPlans,
  { deadlineMs }: TimeLimit,
  exceptExit: number,
): number {
  let top = 0;
  for (let i = 0; i < totalsMs.length; i += 1) {
    const isInTime = (totalsMs[i] ?? late) + (reserveMs[i] ?? 0) <= deadlineMs;
    if (isInTime && (accuracy[i] ?? 0) > top && exit[i] !== exceptExit) top = accuracy[i] ?? 0;
  }
  return top;
}

function leastTotal(
  { plans: { accuracy, exit }, totalsMs, reserveMs }: PricedPlans,
  { deadlineMs }: TimeLimit,
  { exceptExit, leastAccuracy }: { exceptExit: number; leastAccuracy: number },
): number {
  let best = none;
  let bestMs = late;
  for (let i = 0; i < totalsMs.length; i += 1) {
    const totalMs = totalsMs[i] ?? late;
    if (totalMs > bestMs || totalMs + (reserveMs[i] ?? 0) > deadlineMs) continue;
    const accuracyHere = accuracy[i] ?? 0;
    if (accuracyHere < leastAccuracy || exit[i] === exceptExit) continue;
    if (totalMs === bestMs && accuracyHere <= (accuracy[best] ?? 0)) continue;
    best = i;
    bestMs = totalMs;
  }
  return best;
}

function greatestReward(
  { plans: { accuracy, exit }, totalsMs, reserveMs }: PricedPlans,
  { deadlineMs, rewardWeights }: Goal,
  exceptExit: number,
): number {
  let best = none;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < totalsMs.length; i += 1) {
    const totalMs = totalsMs[i] ?? late;
    if (exit[i] === exceptExit || totalMs + (reserveMs[i] ?? 0) > deadlineMs) continue;
    const accuracyHere = accuracy[i] ?? 0;
    const reward = paperReward(accuracyHere, { totalMs, deadlineMs }, rewardWeights);
    if (reward < greatest || (reward === greatest && accuracyHere <= (accuracy[best] ?? 0))) continue;
    best = i;
    greatest = reward;
  }
  return best;
}
