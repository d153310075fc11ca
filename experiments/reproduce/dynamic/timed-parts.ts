import { type Plan, samePlan } from '../../../shared/planner/plan.ts';
import { deviceFactor, type PlanningInput } from '../../../shared/planner/predict.ts';
import { withSegmentFactors } from '../../../shared/planner/prepared-plans.ts';
import { median } from '../../../shared/runtime/statistics.ts';
import type { MeasuredRun, TestBed } from '../test-bed.ts';
import type { TimedPart } from './data.ts';
import { rounded } from './summary.ts';

/** So many that the device knows of each segment what it is off by. */
const timedFrames = 5;

/**
 * Runs plans, and every exit as a whole, on a device: they are loaded then, and it is known what each takes.
 * An emulated processor lasts as long as the segment took when it was loaded, which is off from a profile by some percent.
 * @param input by the profiles that virtual time rests on
 */
export async function timeParts(
  bed: Pick<TestBed, 'measure'>,
  { plans, ...input }: PlanningInput,
  { wanted, ...run }: { wanted: readonly Plan[] } & Omit<MeasuredRun, 'plan' | 'frames'>,
): Promise<TimedPart[]> {
  const parts: TimedPart[] = [];
  for (const { plan, deviceMs } of plans.all) {
    const isWanted = isWhole(plans, plan) || wanted.some((each) => samePlan(each, plan));
    if (!isWanted) continue;
    const results = await bed.measure({ ...run, plan, frames: timedFrames });
    const { exit, partition, direction } = plan;
    if (deviceMs === 0) continue;
    const measured = results.map(({ breakdownMs, assumed }) => breakdownMs.device - assumed.frameMs);
    const profiledMs = deviceMs * deviceFactor({ plans, ...input });
    parts.push({
      exit,
      partition,
      direction,
      profiledMs: rounded(profiledMs, 3),
      measuredMs: rounded(median(measured), 3),
    });
  }
  return parts;
}

/** @returns the input with what a device takes as it was measured; the rest in proportion */
export function withTimedParts(input: PlanningInput, parts: readonly TimedPart[]): PlanningInput {
  const sum = (name: 'measuredMs' | 'profiledMs'): number => parts.reduce((total, part) => total + part[name], 0);
  const mean = parts.length === 0 ? 1 : sum('measuredMs') / sum('profiledMs');
  const factors = Float64Array.from(input.plans.all, ({ plan: { exit, partition, direction } }) => {
    const part = parts.find(
      (each) => each.exit === exit && each.partition === partition && each.direction === direction,
    );
    return part === undefined ? mean : part.measuredMs / part.profiledMs;
  });
  return { ...input, plans: withSegmentFactors(input.plans, factors) };
}

function isWhole({ local }: PlanningInput['plans'], plan: Plan): boolean {
  return local.some((prepared) => samePlan(prepared.plan, plan));
}
