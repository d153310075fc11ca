import { planStatic } from '../../../shared/planner/algorithm-1.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';

/** Algorithm 1 for a rate, in Mbit/s. */
export type RatePlanner = (mbps: number) => PlanCosts;

/** Rates this close are planned for once: a hundred thousand frames see as many estimates, and few plans. */
const stepShare = 0.005;

/** @param input its link gives the rtt; up and down count as equally fast */
export function createRatePlanner(input: PlanningInput, costs: PlaceCosts): RatePlanner {
  const planned = new Map<number, PlanCosts>();
  return (mbps) => {
    const step = Math.round(Math.log(mbps) / stepShare);
    let plan = planned.get(step);
    if (plan === undefined) {
      plan = costs.of(planAt(input, Math.exp(step * stepShare)));
      planned.set(step, plan);
    }
    return plan;
  };
}

function planAt(input: PlanningInput, mbps: number): PlanCosts['plan'] {
  const rttMs = input.offload?.link.rttMs ?? 0;
  const link = { uplinkMbps: mbps, downlinkMbps: mbps, rttMs };
  const result = planStatic({ ...input, offload: { queueMs: 0, link } });
  if (result.kind === 'no-plan') throw new FleetError('internal', result.reason);
  return result.chosen.plan;
}
