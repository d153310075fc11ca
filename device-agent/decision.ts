import type { DynamicDecision } from '../shared/planner/algorithm-3.ts';
import type { Correction } from '../shared/planner/correction.ts';
import { type Candidate, type Plan, samePlan } from '../shared/planner/plan.ts';
import { planNow, planOfState } from '../shared/planner/plan-now.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { PreparedPlans } from '../shared/planner/prepared-plans.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { CodecNs } from './codec-timing.ts';
import type { LinkMonitor } from './link-monitor.ts';

/** What a frame is run by, and why. */
export interface Decision {
  candidate: Candidate;
  /** What would have been chosen without the exit of the candidate; null where nothing else meets the deadline. */
  runnerUp: Candidate | null;
  /** The best plan, where it is not ready yet. */
  wanted: Plan | undefined;
  planned: 'best' | 'preparing' | 'forced' | 'unplanned';
  /** What was looked up in the map, where the best plan is that of its state: the map's, or the one it gave way to. */
  dynamic: DynamicDecision | undefined;
}

export interface DecisionOptions {
  configuration: DeviceConfiguration;
  /** Undefined before this device class was profiled. */
  plans: PreparedPlans | undefined;
  monitor: LinkMonitor;
  processorFactor: number;
  correction: Correction;
  /** What frames take besides their plans, ms. */
  frameMs: number;
  /** How many times longer than predicted the device computes at its slowest, at least 1. */
  deviceSpread: number;
  /** For how long its compute thread is still busy, ms. */
  busyMs: number;
  codecNs: CodecNs;
  /** False: the worker cannot be reached at the moment. */
  workerReachable: boolean;
}

/** @returns undefined before this device class was profiled */
export function planningInput(options: DecisionOptions): PlanningInput | undefined {
  const { configuration, plans, monitor, workerReachable, codecNs, ...device } = options;
  if (plans === undefined) return undefined;
  const link = monitor.link();
  const canOffload = workerReachable && configuration.worker?.profile != null && link !== undefined;
  return {
    plans,
    policy: configuration.policy,
    ...device,
    offload: canOffload ? { queueMs: monitor.queueMs(), link } : null,
    ...codecNs,
  };
}

/** What a decision rests on besides the planning input. */
export interface DecisionGrounds {
  isReady: (plan: Plan) => boolean;
  /** Leaves all other plans out. */
  forced: Partial<Plan> | undefined;
  /** What Algorithm 3 says; undefined: plan for the bandwidth now. */
  dynamic: DynamicDecision | undefined;
}

/**
 * The best plan of those that are ready; it says which one to make ready where a better one is not. A forced plan wins
 * over the map's, and without a worker the best plan is a local one whatever the map says.
 */
export function decide(input: PlanningInput, { isReady, forced, dynamic }: DecisionGrounds): Decision | undefined {
  const matches = (plan: Plan): boolean => forced === undefined || fits(input, plan, forced);
  const ofState = forced === undefined && dynamic !== undefined ? planOfState(input, dynamic) : undefined;
  const found = ofState && dynamic;
  const best = ofState ?? planNow({ ...input, allow: matches });
  if (best === undefined) return undefined;
  if (isReady(best.chosen.plan)) {
    const planned = forced === undefined ? 'best' : 'forced';
    return { candidate: best.chosen, runnerUp: best.runnerUp, wanted: undefined, planned, dynamic: found };
  }
  const ready = planNow({ ...input, allow: (plan) => isReady(plan) });
  if (ready === undefined) return undefined;
  const { chosen: candidate, runnerUp } = ready;
  return { candidate, runnerUp, wanted: best.chosen.plan, planned: 'preparing', dynamic: found };
}

/** @returns whether the plan of the map gave way to another one for the same state */
export function gaveWay({ candidate, planned, dynamic }: Decision): boolean {
  return planned === 'best' && dynamic !== undefined && !samePlan(candidate.plan, dynamic.chosen.plan);
}

/** @returns whether the plan is one that is forced; where nothing is sent, direction and encoding mean nothing */
export function fits(
  input: PlanningInput,
  plan: Plan,
  { exit, partition, direction, encoding }: Partial<Plan>,
): boolean {
  const sendsNothing = plan.partition === (input.plans.model.exits[plan.exit - 1]?.cuts.length ?? 0) - 1;
  return (
    (exit === undefined || plan.exit === exit) &&
    (partition === undefined || plan.partition === partition) &&
    (direction === undefined || plan.direction === direction || sendsNothing) &&
    (encoding === undefined || plan.encoding === encoding || sendsNothing)
  );
}
