import type { PreparedPlan } from '../../../shared/planner/prepared-plans.ts';
import { costsOf } from '../costs.ts';
import type { ExperimentContext } from '../experiment.ts';
import { measurePlan, type PlanRun } from '../measure-plan.ts';
import type { MeasuredFrames } from '../measured-frames.ts';
import type { Scale } from '../scale.ts';
import { linkRttMs, type Place } from '../test-bed.ts';
import type { Case } from './cases.ts';
import { type PlansByWay, predictByWay } from './predict-by-way.ts';

/** Of all cuts. With f32 the slowest rate alone would take four times as long. */
const encoding = 'u8';
/** All that the device may do meanwhile: what it sends while it loads a plan is as small. */
const only: PlanRun['only'] = { encodings: [encoding], directions: ['device-first'] };
/** Any: nothing that is predicted here depends on it. */
const deadlineMs = 60_000;

export interface CaseRun {
  place: Place;
  plans: PlansByWay;
  link: Scale['agreement']['links'][number];
}

/** Runs every exit and partition at one processor and link, device-first, and predicts each. */
export async function measureCase(context: ExperimentContext, { place, plans, link }: CaseRun): Promise<Case> {
  const { input } = (await costsOf(context, place)).at(link.mbps, deadlineMs);
  const rows: Case['rows'] = [];
  for (const prepared of chosenPlans(input.plans.all, context.scale)) {
    const { exit, partition } = prepared.plan;
    const measured = await measure(context, prepared, { place, link });
    rows.push({
      exit,
      partition,
      uploadBytes: measured.uploadBytes,
      measuredMs: measured.latencyMs.median,
      predictedMs: predictByWay(plans, input, prepared.plan),
      inServiceMs: measured.predictedMs,
    });
  }
  return {
    model: place.model,
    emulation: { ...place.factors, rttMs: linkRttMs },
    mbps: link.mbps,
    frames: link.frames,
    rttMs: input.offload?.link.rttMs ?? 0,
    rows,
  };
}

/** @returns in the order of exits and partitions, so that most that follow each other share a segment */
function chosenPlans(all: readonly PreparedPlan[], { agreement: { exits, everyPartition } }: Scale): PreparedPlan[] {
  return all
    .filter(({ plan, isLocal }) => plan.direction === 'device-first' && (isLocal || plan.encoding === encoding))
    .filter(({ plan }) => exits === 'all' || exits.includes(plan.exit))
    .filter(({ plan, isLocal }) => isLocal || plan.partition % everyPartition === 0)
    .toSorted(({ plan: a }, { plan: b }) => a.exit - b.exit || a.partition - b.partition);
}

/** What sends nothing is measured once, at the first link: it depends on none. */
function measure(
  context: ExperimentContext,
  { plan, isLocal }: PreparedPlan,
  { place, link }: Omit<CaseRun, 'plans'>,
): Promise<MeasuredFrames> {
  const { mbps, frames } = isLocal ? (context.scale.agreement.links[0] ?? link) : link;
  return measurePlan(context, { place, plan, mbps, frames, only });
}
