import { planNow } from '../../../shared/planner/plan-now.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';

/** The static configurator at a rate, in Mbit/s, while the device's thread is busy for so long, ms; idle if absent. */
export type RatePlanner = (mbps: number, busyMs?: number) => PlanCosts;

/** Rates this close are planned for once: a hundred thousand frames see as many estimates, and few plans. */
const stepShare = 0.005;

/** @param input its link gives the rtt; up and down count as equally fast */
export function createRatePlanner(input: PlanningInput, costs: PlaceCosts): RatePlanner {
  const planned = new Map<number, PlanCosts>();
  return (mbps, busyMs = 0) => {
    if (busyMs > 0) return costs.of(planAt({ ...input, busyMs }, mbps));
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
  const result = planNow({ ...input, offload: { queueMs: 0, link } });
  if (result === undefined) throw new FleetError('internal', 'no plan is allowed');
  return result.chosen.plan;
}
