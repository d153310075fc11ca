import type { ModelDescription } from '../shared/model/describe-model.ts';
import type { Manifest } from '../shared/model/manifest.ts';
import { type Candidate, type PlanningResult, planStatic } from '../shared/planner/algorithm-1.ts';
import type { ModelShape, Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { Encoding } from '../shared/protocol/tensor-encoding.ts';
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
  shape: ModelShape;
  monitor: LinkMonitor;
  processorFactor: number;
  encodeNs: Readonly<Record<Encoding, number>>;
  /** False: the worker cannot be reached at the moment. */
  workerReachable: boolean;
}

/** @returns undefined before this device class was profiled */
export function planningInput(options: DecisionOptions): PlanningInput | undefined {
  const { configuration, shape, monitor, processorFactor, encodeNs } = options;
  if (configuration.deviceProfile === null) return undefined;
  const link = monitor.link();
  const worker = configuration.worker?.profile ?? null;
  const canOffload = options.workerReachable && worker !== null && link !== undefined;
  return {
    model: shape,
    policy: configuration.policy,
    device: configuration.deviceProfile,
    processorFactor,
    offload: canOffload ? { worker, queueMs: monitor.queueMs(), link } : null,
    encodeNs,
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

function fits(input: PlanningInput, plan: Plan, { exit, partition, encoding }: Partial<Plan>): boolean {
  const sendsNothing = plan.partition === (input.model.exits[plan.exit - 1]?.cuts.length ?? 0) - 1;
  return (
    (exit === undefined || plan.exit === exit) &&
    (partition === undefined || plan.partition === partition) &&
    (encoding === undefined || plan.encoding === encoding || sendsNothing)
  );
}

/** @returns what the planner must know of a model, accuracies as the manifest has them measured */
export function modelShape(description: ModelDescription, manifest: Manifest): ModelShape {
  return {
    exits: description.branches.map(({ exit, cuts }, index) => ({
      name: exit,
      // Without a measured accuracy deeper still counts as better, by less than any tolerance of a real one.
      accuracy: manifest.exits.find(({ name }) => name === exit)?.accuracy?.top1 ?? (index + 1) / 100,
      cuts: cuts.map(({ tensors }) => tensors.map(({ elements, dims }) => ({ elements, rank: dims.length }))),
    })),
  };
}
