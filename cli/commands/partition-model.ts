import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { type DescribedBranch, describeModel, type ModelDescription } from '../../shared/model/describe-model.ts';
import { planStatic } from '../../shared/planner/algorithm-1.ts';
import { assumedConditions } from '../../shared/planner/assumed-conditions.ts';
import { comparePartitions, type PartitionComparison } from '../../shared/planner/compare-partitions.ts';
import type { AllowedWays } from '../../shared/planner/dag-partition.ts';
import { modelShape } from '../../shared/planner/model-shape.ts';
import type { Candidate } from '../../shared/planner/plan.ts';
import type { LinkEstimate, PlanningInput } from '../../shared/planner/predict.ts';
import { preparePlans } from '../../shared/planner/prepared-plans.ts';
import { profiledLayerMs, timedGraph } from '../../shared/planner/timed-graph.ts';
import { type Policy, policyParser } from '../../shared/protocol/messages.ts';
import { latencyTable, type Profile } from '../../shared/protocol/profile.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { type ModelSource, openModel } from './model-source.ts';
import { profiledShape, readProfile } from './read-profile.ts';

/** Between which tiers, over which link and in which ways. */
export interface PartitionConditions {
  readonly deviceProfile: string;
  readonly workerProfile: string;
  /** Uplink; the downlink too, where it has no rate of its own. */
  readonly mbps: number;
  readonly downlinkMbps?: number;
  readonly rtt: number;
  readonly exit?: string;
  readonly encodings: readonly Encoding[];
  readonly directions: Policy['directions'];
  readonly processorFactor: number;
}

/** What was compared, under what conditions. */
export interface ModelPartitions {
  readonly source: ModelSource;
  readonly deviceClass: string;
  readonly workerClass: string;
  readonly link: LinkEstimate;
  readonly processorFactor: number;
  readonly exits: readonly ExitPartitions[];
}

export interface ExitPartitions extends PartitionComparison {
  readonly branch: DescribedBranch;
  /** What Algorithm 1 plans at this exit for least T: a prefix as well, by the times of whole segments. */
  readonly planned: Candidate;
}

/**
 * @param path a package folder, or an ONNX file by itself
 * @throws {FleetError} `model-unknown-exit`, `profile-mismatch`, `profile-unusable`; what reading the model and the
 *   profiles throws
 */
export async function partitionModel(path: string, options: PartitionConditions): Promise<ModelPartitions> {
  const source = await openModel(path);
  const description = describeModel(source.graph, await traceShapes(source.graph));
  const branches = description.branches.filter(({ exit }) => exit === (options.exit ?? exit));
  if (branches.length === 0) {
    const known = source.graph.exits.join(', ');
    throw new FleetError('model-unknown-exit', `no exit ${options.exit}; there are ${known}`);
  }
  const profiled = profiledShape(source.digest, description);
  const device = await readProfile(options.deviceProfile, 'device', profiled);
  const worker = await readProfile(options.workerProfile, 'worker', profiled);
  const input = planningInput({ source, description, device, worker }, options);
  return {
    source,
    deviceClass: device.hardwareClass,
    workerClass: worker.hardwareClass,
    link: input.offload.link,
    processorFactor: options.processorFactor,
    exits: branches.map((branch) => {
      const index = description.branches.indexOf(branch) + 1;
      return {
        branch,
        ...compareExit(branch, { device, worker }, { ...input, allowed: options }),
        planned: plannedAt(index, input),
      };
    }),
  };
}

interface Profiles {
  readonly device: Profile;
  readonly worker: Profile;
}

interface ProfiledModel extends Profiles {
  readonly source: ModelSource;
  readonly description: ModelDescription;
}

type OffloadingInput = PlanningInput & { offload: NonNullable<PlanningInput['offload']> };

function planningInput({ source, description, device, worker }: ProfiledModel, options: PartitionConditions) {
  const { processorFactor, mbps, downlinkMbps = mbps, rtt: rttMs } = options;
  const tables = { device: latencyTable(device), worker: latencyTable(worker) };
  const model = modelShape(description, source.manifest ?? { exits: [] });
  const link = { uplinkMbps: mbps, downlinkMbps, rttMs };
  return {
    ...assumedConditions({ policy: policyOf(options), processorFactor }),
    plans: preparePlans({ model, ...tables }),
    offload: { queueMs: 0, link },
  } satisfies OffloadingInput;
}

function compareExit(
  branch: DescribedBranch,
  { device, worker }: Profiles,
  { processorFactor, offload, encodeNs, decodeNs, allowed }: OffloadingInput & { allowed: AllowedWays },
): PartitionComparison {
  const times = { deviceMs: profiledLayerMs(device, branch.exit), workerMs: profiledLayerMs(worker, branch.exit) };
  const callMs = { device: device.perCallOverheadMs, worker: worker.perCallOverheadMs };
  const conditions = { processorFactor, offload, encodeNs, decodeNs, callMs };
  return comparePartitions({ ...timedGraph(branch, times), ...conditions }, allowed);
}

function plannedAt(exit: number, input: PlanningInput): Candidate {
  const result = planStatic({ ...input, allow: (plan) => plan.exit === exit });
  if (result.kind === 'no-plan') throw new FleetError('profile-unusable', result.reason);
  return result.chosen;
}

/** Nothing but T decides: the longest deadline that a policy may have, and no accuracy is too low. */
function policyOf({ encodings, directions }: PartitionConditions): Policy {
  return policyParser.parse({
    name: 'partition',
    version: 1,
    deadlineMs: 600_000,
    minimumAccuracy: 0,
    accuracyTolerance: 0,
    encodings: [...encodings],
    directions,
    marginMs: 0,
    objective: 'latency',
  });
}
