import type { ModelDescription } from '../../../shared/model/describe-model.ts';
import type { LatencyModel } from '../../../shared/planner/fit-latency-model.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../../../shared/planner/predict.ts';
import { predictLatencyTable } from '../../../shared/planner/predict-latency.ts';
import { type PreparedPlans, preparePlans } from '../../../shared/planner/prepared-plans.ts';
import { type LatencyTable, latencyTable, type Profile, slowedProfile } from '../../../shared/protocol/profile.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { perturbation } from './cases.ts';
import type { Way } from './verdict.ts';

/** The plans of a model, prepared from each kind of table. */
export type PlansByWay = Readonly<Record<Way, PreparedPlans>>;

export interface Knowledge {
  /** Of the model, on a class to which device and worker both belong. */
  profile: Profile;
  model: PreparedPlans['model'];
  description: ModelDescription;
  /** Fitted to other models than this one. */
  latencyModel: LatencyModel;
}

/** @throws {FleetError} `planning-input-invalid` */
export function plansByWay({ profile, model, description, latencyModel }: Knowledge): PlansByWay {
  const prepare = (table: LatencyTable): PreparedPlans => preparePlans({ model, device: table, worker: table });
  return {
    profiles: prepare(latencyTable(profile)),
    regressions: prepare(predictLatencyTable(description, latencyModel)),
    perturbed: prepare(latencyTable(slowedProfile(profile, perturbation))),
  };
}

/**
 * @param input the link and all else that the tables do not tell
 * @returns T(plan) from each kind of table, ms
 * @throws {FleetError} `experiment-failed` where a table lacks the plan
 */
export function predictByWay(plans: PlansByWay, input: Omit<PlanningInput, 'plans'>, plan: Plan): Record<Way, number> {
  const totalMs = (way: Way): number => {
    const prediction = predict({ ...input, plans: plans[way] }, plan);
    if (prediction === undefined) throw new FleetError('experiment-failed', `no ${way} of ${JSON.stringify(plan)}`);
    return prediction.totalMs;
  };
  return { profiles: totalMs('profiles'), regressions: totalMs('regressions'), perturbed: totalMs('perturbed') };
}
