import { isChain } from '../model/layer-set.ts';
import { type AllowedWays, type DagPartition, leastOf, partitionDag } from './dag-partition.ts';
import type { DagPlan, DagPlanningInput } from './dag-plan.ts';

/** The least T of one branch over all closed sets of layers, beside the least T over prefixes of its execution order. */
export interface PartitionComparison {
  readonly anySet: DagPartition;
  /** Layers 1..p on the first tier. */
  readonly prefix: DagPartition;
  /** Every closed set is a prefix: there is nothing else to choose. */
  readonly isChain: boolean;
  /** By how much T of `anySet` is below that of `prefix`, ms; 0 where both are the same plan. */
  readonly gainMs: number;
  /** The same as a share of T of `prefix`, 0..1. */
  readonly gainShare: number;
}

/** A time that differs by a lesser share was only added up in another order. */
const roundingShare = 1e-9;

/**
 * Both are priced by the same times of single layers, so that the difference is that of the choice alone.
 * @throws {FleetError} as `partitionDag`
 */
export function comparePartitions(input: DagPlanningInput, allowed: AllowedWays): PartitionComparison {
  const best = partitionDag(input, allowed);
  const prefix = leastOf(input, prefixPlans(input, allowed));
  const prefixMs = prefix.prediction.totalMs;
  const gainMs = prefixMs - best.prediction.totalMs;
  const about = { prefix, isChain: isChain(input.graph) };
  if (gainMs <= roundingShare * prefixMs) return { ...about, anySet: prefix, gainMs: 0, gainShare: 0 };
  return { ...about, anySet: best, gainMs, gainShare: gainMs / prefixMs };
}

/** Device-only first, which is to be taken of plans that are equally long; each is written in one way only. */
function prefixPlans({ graph }: DagPlanningInput, { directions, encodings }: AllowedWays): DagPlan[] {
  const count = graph.layers.length;
  const prefix = (p: number): ReadonlySet<number> => new Set(Array.from({ length: p }, (_, position) => position + 1));
  const between = Array.from({ length: Math.max(0, count - 1) }, (_, position) => prefix(position + 1));
  return [
    { firstTier: prefix(count), direction: 'device-first', encoding: 'f32' },
    ...encodings.map((encoding): DagPlan => ({ firstTier: prefix(0), direction: 'device-first', encoding })),
    ...directions.flatMap((direction) =>
      encodings.flatMap((encoding) => between.map((firstTier): DagPlan => ({ firstTier, direction, encoding }))),
    ),
  ];
}
