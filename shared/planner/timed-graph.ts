import type { DescribedBranch } from '../model/describe-model.ts';
import type { Profile } from '../protocol/profile.ts';
import { FleetError } from '../runtime/errors.ts';
import type { DagPlanningInput } from './dag-plan.ts';
import type { TensorShape } from './plan.ts';

/** What each layer of a branch takes on each tier, in the order of its layers, ms: measured, or predicted by f(L). */
export interface LayerTimes {
  readonly deviceMs: readonly number[];
  readonly workerMs: readonly number[];
}

/**
 * @returns what each layer of an exit computes, ms: its median when run alone, less the call of the runtime that this
 *   took, and at least 0; nothing for an exit that was not profiled. One that takes or makes other than floats is not
 *   measured alone, and counts as 0
 */
export function profiledLayerMs({ exits, perCallOverheadMs }: Profile, exit: string): number[] {
  const layers = exits.find(({ name }) => name === exit)?.layers ?? [];
  return layers.map(({ timing }) => Math.max(0, timing.medianMs - perCallOverheadMs));
}

/** A branch as partitioning needs it. */
type TimedGraph = Required<Pick<DagPlanningInput, 'graph' | 'tensors' | 'unsendable'>>;

/**
 * @returns what partitioning needs to know of a branch
 * @throws {FleetError} `planning-input-invalid` where a layer has no time
 */
export function timedGraph(branch: DescribedBranch, times: LayerTimes): TimedGraph {
  const inputs = branch.cuts[0]?.tensors ?? [];
  const layers = branch.layers.map(({ name, inputs: read, outputs }, position) => {
    const deviceMs = times.deviceMs[position];
    const workerMs = times.workerMs[position];
    if (deviceMs === undefined || workerMs === undefined) {
      throw new FleetError('planning-input-invalid', `layer ${JSON.stringify(name)}: expected its times, got none`);
    }
    return { inputs: read, outputs, deviceMs, workerMs };
  });
  const made = branch.layers.flatMap(({ outputs, outputShapes }) =>
    outputs.map((name, position) => [name, tensorShape(outputShapes[position] ?? [])] as const),
  );
  return {
    graph: { inputs: inputs.map(({ name }) => name), layers, exit: branch.exit },
    unsendable: unsendableOf(branch),
    tensors: new Map([...inputs.map(({ name, dims }) => [name, tensorShape(dims)] as const), ...made]),
  };
}

/** A tensor that travels is alive between two layers: each is in a cut. */
function unsendableOf({ cuts }: DescribedBranch): Set<string> {
  return new Set(
    cuts.flatMap(({ tensors }) => tensors.flatMap(({ name, dtype }) => (dtype === 'float32' ? [] : name))),
  );
}

function tensorShape(dims: readonly number[]): TensorShape {
  return { elements: dims.reduce((product, size) => product * size, 1), rank: dims.length };
}
