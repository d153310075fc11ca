import { constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import type { Plan } from '../../shared/planner/plan.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import type { ExperimentContext } from './experiment.ts';
import { type MeasuredFrames, MeasuredFramesSchema, summarise } from './measured-frames.ts';
import { patientDeadlineMs } from './measuring-policy.ts';
import { linkRttMs, type Place } from './test-bed.ts';

export interface PlanRun {
  place: Place;
  plan: Plan;
  /** Of the link, Mbit/s. */
  mbps: number;
  /** Absent: as many as the scale has. */
  frames?: number;
  /** All that the policy allows, besides the plan; absent: anything. */
  only?: Pick<Policy, 'encodings' | 'directions'> | undefined;
}

/** @returns what a plan takes without a deadline that would cut it short */
export function measurePlan(context: ExperimentContext, run: PlanRun): Promise<MeasuredFrames> {
  const { place, plan, mbps, frames = context.scale.frames, only } = run;
  const { settleFrames } = context.scale;
  const { model, factors } = place;
  const inputs = {
    what: 'plan',
    model,
    factors: [factors.device, factors.worker],
    plan: [plan.exit, plan.partition, plan.direction, plan.encoding],
    link: [mbps, linkRttMs],
    frames: [settleFrames, frames],
    ...(only && { only: [...only.encodings, ...only.directions] }),
  };
  return context.point(inputs, MeasuredFramesSchema, async () => {
    context.progress(`${model}, exit ${plan.exit} at ${plan.partition} in ${plan.encoding}, ${mbps} Mbit/s`);
    const bed = await context.testBed(place);
    const policy = { deadlineMs: patientDeadlineMs, ...only };
    return summarise(await bed.measure({ link: constantTrace(mbps), policy, plan, settleFrames, frames }));
  });
}
