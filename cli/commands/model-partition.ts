import { cutAround } from '../../shared/model/layer-set.ts';
import type { DagPartition } from '../../shared/planner/dag-partition.ts';
import type { DagPlan } from '../../shared/planner/dag-plan.ts';
import {
  type ExitPartitions,
  type ModelPartitions,
  type PartitionConditions,
  partitionModel,
} from './partition-model.ts';
import { printJson } from './print.ts';
import { printPartitions } from './print-partitions.ts';

export interface PartitionOptions extends PartitionConditions {
  readonly json?: boolean;
}

/** `edgent model partition`. */
export async function partitionCommand(path: string, { json, ...conditions }: PartitionOptions): Promise<void> {
  const partitions = await partitionModel(path, conditions);
  if (json) printJson(toJson(partitions));
  else printPartitions(partitions);
}

/** @returns what programs read: layers by index, 1..N, shares of T as 0..1 */
function toJson({ source, exits, ...about }: ModelPartitions): object {
  const { manifest, digest } = source;
  return {
    model: { name: manifest?.name, version: manifest?.version, digest },
    ...about,
    exits: exits.map((exit) => ({
      name: exit.branch.exit,
      nodes: exit.branch.layers.length,
      isChain: exit.isChain,
      gainMs: exit.gainMs,
      gainShare: exit.gainShare,
      anySet: partitionToJson(exit, exit.anySet),
      prefix: { partition: exit.prefix.plan.firstTier.size, ...partitionToJson(exit, exit.prefix) },
      planned: { ...exit.planned.plan, ...exit.planned.prediction },
    })),
  };
}

function partitionToJson({ branch }: ExitPartitions, { plan, prediction }: DagPartition): object {
  const firstTier = [...plan.firstTier].toSorted((one, other) => one - other);
  return { ...plan, firstTier, cut: cutOf(branch, plan), ...prediction };
}

/** @returns the names of the tensors alive between the tiers */
function cutOf({ exit, layers, cuts }: ExitPartitions['branch'], { firstTier }: DagPlan): string[] {
  const inputs = (cuts[0]?.tensors ?? []).map(({ name }) => name);
  return cutAround({ inputs, layers, exit }, firstTier);
}
