import type { ModelDescription } from '../shared/model/describe-model.ts';
import type { Manifest } from '../shared/model/manifest.ts';
import { type PlanningResult, planStatic } from '../shared/planner/algorithm-1.ts';
import type { Candidate, ModelShape, Plan } from '../shared/planner/plan.ts';
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

/** @returns what the planner must know of a model, accuracies as the manifest has them measured */
export function modelShape(description: ModelDescription, manifest: Manifest): ModelShape {
  return {
    exits: description.branches.map(({ exit, cuts }, index) => ({
      name: exit,
      ...accuraciesOf(manifest, exit, index + 1),
      cuts: cuts.map(({ tensors }) => tensors.map(({ elements, dims }) => ({ elements, rank: dims.length }))),
    })),
  };
}

function accuraciesOf(
  manifest: Manifest,
  exit: string,
  depth: number,
): Pick<ModelShape['exits'][number], 'accuracy' | 'encodedAccuracy'> {
  const { accuracy, encodedAccuracy } = manifest.exits.find(({ name }) => name === exit) ?? {};
  // Without a measured accuracy deeper still counts as better, by less than any tolerance of a real one.
  if (accuracy === undefined) return { accuracy: depth / 100 };
  if (encodedAccuracy === undefined) return { accuracy: accuracy.top1 };
  return { accuracy: accuracy.top1, encodedAccuracy: { f16: encodedAccuracy.f16, u8: encodedAccuracy.u8 } };
}
