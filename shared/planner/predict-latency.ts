import type { DescribedBranch, DescribedLayer, ModelDescription } from '../model/describe-model.ts';
import type { LatencyTable, SegmentTiming } from '../protocol/profile.ts';
import { type LatencyModel, loadVariables, type Regression, type SeenRange } from './fit-latency-model.ts';
import { layerVariables, type Variables } from './layer-variables.ts';
import { weightedSum } from './non-negative-fit.ts';

/** A variable of a layer that lies beyond what was measured. */
export interface OutsideRange {
  layer: string;
  variable: string;
  value: number;
  /** Null: no layer of this type was measured, it counts as taking no time. */
  seen: SeenRange | null;
}

/** INVARIANT `ms` is never negative. */
export interface LatencyPrediction {
  ms: number;
  /** Whether anything is `outside`. */
  extrapolated: boolean;
  outside: readonly OutsideRange[];
}

/**
 * f(L) as the paper has it: one layer run alone, what its call costs included.
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: ES_j, ED_j
 */
export function predictLayer(layer: DescribedLayer, { alone, form }: LatencyModel): LatencyPrediction {
  return predictionOf(layer, layerVariables(layer, form), alone[layer.type]);
}

/** @param layers run as one piece, in execution order; of none the time is 0 */
export function predictSegment(layers: readonly DescribedLayer[], model: LatencyModel): LatencyPrediction {
  const parts = layers.map((layer) => predictWithin(layer, model));
  const outside = parts.flatMap((part) => part.outside);
  const callMs = layers.length === 0 ? 0 : model.joint.callOverheadMs;
  return { ms: parts.reduce((sum, { ms }) => sum + ms, callMs), extrapolated: outside.length > 0, outside };
}

/** Load time of the deepest branch as one segment, by the model's size. */
export function predictLoad({ branches }: ModelDescription, { load }: LatencyModel): LatencyPrediction {
  return predictionOf({ name: 'model' }, loadVariables(branches.map(({ parameterBytes }) => parameterBytes)), load);
}

/**
 * Heads and tails of every partition from the graph alone: a model that was never measured on this class of hardware
 * can be planned for. A table that was measured is to be preferred.
 * @returns a table marked as predicted, and as extrapolated where any layer is beyond what was measured
 */
export function predictLatencyTable(description: ModelDescription, model: LatencyModel): LatencyTable {
  return {
    hardwareClass: model.hardwareClass,
    exits: description.branches.map((branch) => predictExit(branch, model)),
    source: 'predicted',
    extrapolated: outsideRanges(description, model).length > 0,
    ...fitOf(model),
  };
}

/** @returns what of a model's layers lies beyond what was measured, each layer once */
export function outsideRanges({ branches }: ModelDescription, model: LatencyModel): OutsideRange[] {
  const layers = new Map(branches.flatMap((branch) => branch.layers.map((layer) => [layer.outputs[0], layer])));
  return [...layers.values()].flatMap((layer) => predictWithin(layer, model).outside);
}

/** Of segments, for it is those that are predicted; where none was measured, of the layer type measured most. */
function fitOf({ joint }: LatencyModel): Pick<LatencyTable, 'fit'> {
  const byType = Object.values(joint.types).map(({ quality }) => quality);
  const [most] = byType.toSorted((a, b) => b.observations - a.observations);
  const quality = joint.segments.observations > 0 ? joint.segments : most;
  if (quality === undefined) return {};
  const { observations, medianError, p90Error } = quality;
  return { fit: { observations, medianError, p90Error } };
}

function predictExit({ exit, layers }: DescribedBranch, model: LatencyModel): LatencyTable['exits'][number] {
  const partitions = Array.from({ length: layers.length + 1 }, (_, partition) => partition);
  const timing = (segment: readonly DescribedLayer[]): SegmentTiming => {
    const { ms } = predictSegment(segment, model);
    return { medianMs: ms, p90Ms: ms * model.p90Factor };
  };
  return {
    name: exit,
    head: partitions.map((partition) => timing(layers.slice(0, partition))),
    tail: partitions.map((partition) => timing(layers.slice(partition))),
  };
}

/** One layer's share of a segment. */
function predictWithin(layer: DescribedLayer, { joint, form }: LatencyModel): LatencyPrediction {
  return predictionOf(layer, layerVariables(layer, form), joint.types[layer.type]);
}

function predictionOf(
  layer: { name: string; type?: string },
  variables: Variables,
  regression: Regression | undefined,
): LatencyPrediction {
  if (regression === undefined) {
    const outside = [{ layer: layer.name, variable: layer.type ?? '', value: 1, seen: null }];
    return { ms: 0, extrapolated: true, outside };
  }
  const outside = Object.entries(variables).flatMap(([variable, value]) => {
    const seen = regression.seen[variable] ?? ([0, 0] as const);
    return value >= seen[0] && value <= seen[1] ? [] : [{ layer: layer.name, variable, value, seen }];
  });
  return { ms: weightedSum(regression.coefficients, variables), extrapolated: outside.length > 0, outside };
}
