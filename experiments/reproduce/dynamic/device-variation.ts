import { Type } from 'typebox';
import { constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import type { Costs } from '../costs.ts';
import type { ExperimentContext } from '../experiment.ts';
import type { Place } from '../test-bed.ts';
import { rounded } from './summary.ts';

/** Whatever they take, all runs count. */
const deadlineMs = 60_000;
/** Nothing is sent. */
const anyMbps = 1;

/** @returns how much the fastest exit's time on the device varies from frame to frame: a coefficient of variation */
export async function deviceVariationOf(context: ExperimentContext, place: Place, costs: Costs): Promise<number> {
  const { settleFrames, profileRuns } = context.scale;
  const frames = 2 * profileRuns;
  const partition = (costs.at(anyMbps, deadlineMs).input.plans.model.exits[0]?.cuts.length ?? 1) - 1;
  const plan: Plan = { exit: 1, partition, direction: 'device-first', encoding: 'f32' };
  const inputs = {
    what: 'device variation',
    model: place.model,
    factors: [place.factors.device, place.factors.worker],
    frames,
  };
  const { timesMs } = await context.point(inputs, Type.Object({ timesMs: Type.Array(Type.Number()) }), async () => {
    context.progress(`${place.model}: how much the device's times vary`);
    const bed = await context.testBed(place);
    const policy = { deadlineMs };
    const results = await bed.measure({ link: constantTrace(anyMbps), policy, plan, settleFrames, frames });
    return { timesMs: results.map(({ breakdownMs }) => breakdownMs.device) };
  });
  return variationOf(timesMs);
}

/** @returns standard deviation over mean */
export function variationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return rounded(Math.sqrt(variance) / mean, 5);
}
