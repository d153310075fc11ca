import { isAtStake } from '../../../shared/planner/best-chance.ts';
import { planNow } from '../../../shared/planner/plan-now.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';

/** What a device knows when a frame comes. */
export interface Now {
  /** As it estimates the link, Mbit/s; undefined before the first sample. */
  readonly estimateMbps: number | undefined;
  /** How the link's rate has moved of late, as it has seen it. */
  readonly moves: readonly number[];
  /** For how long its thread is still busy with what earlier frames left on it, ms. */
  readonly busyMs: number;
}

/** The static configurator at a rate, in Mbit/s; on an idle device that knows its link little, if nothing is said of it. */
export type RatePlanner = (mbps: number, now?: Pick<Now, 'moves' | 'busyMs'>) => PlanCosts;

/** Rates this close are planned for once: a hundred thousand frames see as many estimates, and few plans. */
const stepShare = 0.005;

/** @param input its link gives the rtt; up and down count as equally fast */
export function createRatePlanner(input: PlanningInput, costs: PlaceCosts): RatePlanner {
  const planned = new Map<number, PlanCosts>();
  return (mbps, { moves, busyMs } = { moves: [], busyMs: 0 }) => {
    const now = inputNow(input, { estimateMbps: mbps, moves, busyMs });
    if (busyMs > 0 || isAtStake(now)) return costs.of(planFor(now));
    const step = Math.round(Math.log(mbps) / stepShare);
    let plan = planned.get(step);
    if (plan === undefined) {
      plan = costs.of(planFor(inputNow(input, { estimateMbps: Math.exp(step * stepShare), moves, busyMs })));
      planned.set(step, plan);
    }
    return plan;
  };
}

/** @returns what the device plans with when a frame comes: before the first sample, with the link of the input */
export function inputNow(input: PlanningInput, { estimateMbps, moves, busyMs }: Now): PlanningInput {
  const { offload } = input;
  if (offload === null || estimateMbps === undefined) return { ...input, busyMs };
  const link = { ...offload.link, uplinkMbps: estimateMbps, downlinkMbps: estimateMbps, uplinkMoves: moves };
  return { ...input, busyMs, offload: { queueMs: 0, link } };
}

function planFor(input: PlanningInput): PlanCosts['plan'] {
  const result = planNow(input);
  if (result === undefined) throw new FleetError('internal', 'no plan is allowed');
  return result.chosen.plan;
}
