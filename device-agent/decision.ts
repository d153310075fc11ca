import { type PlanningResult, planStatic } from '../shared/planner/algorithm-1.ts';
import type { Candidate, Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { PreparedPlans } from '../shared/planner/prepared-plans.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { CodecNs } from './codec-timing.ts';
import type { LinkMonitor } from './link-monitor.ts';

/** What a frame is run by, and why. */
export interface Decision {
  candidate: Candidate;
  /** The best plan, where it is not ready yet. */
  wanted: Plan | undefined;
  planned: 'best' | 'preparing' | 'forced' | 'unplanned';
}

export interface DecisionOptions {
  configuration: DeviceConfiguration;
  /** Undefined before this device class was profiled. */
  plans: PreparedPlans | undefined;
  monitor: LinkMonitor;
  processorFactor: number;
  codecNs: CodecNs;
  /** False: the worker cannot be reached at the moment. */
  workerReachable: boolean;
}

/** @returns undefined before this device class was profiled */
export function planningInput(options: DecisionOptions): PlanningInput | undefined {
  const { configuration, plans, monitor, processorFactor, codecNs } = options;
  if (plans === undefined) return undefined;
  const link = monitor.link();
  const canOffload = options.workerReachable && configuration.worker?.profile != null && link !== undefined;
  return {
    plans,
    policy: configuration.policy,
    processorFactor,
    offload: canOffload ? { queueMs: monitor.queueMs(), link } : null,
    ...codecNs,
  };
}

/**
 * The best plan of those that are ready; it says which one to make ready where a better one is not.
 * @param forced leaves all other plans out
 */
export function decide(
  input: PlanningInput,
  isReady: (plan: Plan) => boolean,
  forced: Partial<Plan> | undefined,
): Decision | undefined {
  const matches = (plan: Plan): boolean => forced === undefined || fits(input, plan, forced);
  const best = chosen(planStatic({ ...input, allow: matches }));
  if (best === undefined) return undefined;
  if (isReady(best.plan)) {
    return { candidate: best, wanted: undefined, planned: forced === undefined ? 'best' : 'forced' };
  }
  const ready = chosen(planStatic({ ...input, allow: (plan) => isReady(plan) }));
  return ready && { candidate: ready, wanted: best.plan, planned: 'preparing' };
}

function chosen(result: PlanningResult): Candidate | undefined {
  return result.kind === 'no-plan' ? undefined : result.chosen;
}

function fits(input: PlanningInput, plan: Plan, { exit, partition, direction, encoding }: Partial<Plan>): boolean {
  const sendsNothing = plan.partition === (input.plans.model.exits[plan.exit - 1]?.cuts.length ?? 0) - 1;
  return (
    (exit === undefined || plan.exit === exit) &&
    (partition === undefined || plan.partition === partition) &&
    (direction === undefined || plan.direction === direction || sendsNothing) &&
    (encoding === undefined || plan.encoding === encoding || sendsNothing)
  );
}
