import { planStatic } from '../shared/planner/algorithm-1.ts';
import type { DynamicDecision } from '../shared/planner/algorithm-3.ts';
import type { Correction } from '../shared/planner/correction.ts';
import type { Candidate, Plan } from '../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../shared/planner/predict.ts';
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
  /** What was looked up in the map, where the best plan is the map's. */
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
  codecNs: CodecNs;
  /** False: the worker cannot be reached at the moment. */
  workerReachable: boolean;
}

/** @returns undefined before this device class was profiled */
export function planningInput(options: DecisionOptions): PlanningInput | undefined {
  const { configuration, plans, monitor, processorFactor, correction, frameMs, codecNs } = options;
  if (plans === undefined) return undefined;
  const link = monitor.link();
  const canOffload = options.workerReachable && configuration.worker?.profile != null && link !== undefined;
  return {
    plans,
    policy: configuration.policy,
    processorFactor,
    correction,
    frameMs,
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
  const found = forced === undefined && dynamic !== undefined && canServe(input, dynamic) ? dynamic : undefined;
  const best = found ?? chosen({ ...input, allow: matches });
  if (best === undefined) return undefined;
  if (isReady(best.chosen.plan)) {
    const planned = forced === undefined ? 'best' : 'forced';
    return { candidate: best.chosen, runnerUp: best.runnerUp, wanted: undefined, planned, dynamic: found };
  }
  const ready = chosen({ ...input, allow: (plan) => isReady(plan) });
  if (ready === undefined) return undefined;
  const { chosen: candidate, runnerUp } = ready;
  return { candidate, runnerUp, wanted: best.chosen.plan, planned: 'preparing', dynamic: found };
}

function chosen(input: PlanningInput): (Pick<Decision, 'runnerUp'> & { chosen: Candidate }) | undefined {
  const result = planStatic(input);
  if (result.kind === 'no-plan') return undefined;
  return { chosen: result.chosen, runnerUp: result.kind === 'feasible' ? result.runnerUp : null };
}

/** A map may name plans that the tables here lack: it was built from others, or for a worker that is away. */
function canServe(input: PlanningInput, { chosen: { plan } }: DynamicDecision): boolean {
  return input.offload !== null && predict(input, plan) !== undefined;
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
