import type { Branch, Layer } from '../model/branches.ts';
import { callInput, callModel } from '../model/call-model.ts';
import { elementsOf } from '../model/flops.ts';
import type { ModelGraph } from '../model/graph.ts';
import type { TensorShapes } from '../model/shapes.ts';
import { extractTensors } from '../model/split.ts';
import type { Tensor } from '../model/tensor.ts';
import type { MeasurableSegment } from './measure-rounds.ts';

/** The part of a model between two sets of tensors. */
export interface Segment {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Names what every call of the runtime costs among the segments. */
export const callKey = 'call';

/**
 * All that a profile rests on: every layer alone, the head and the tail of every partition of every exit, and a call
 * that computes nothing. What exits share is there once; what holds other than floats is left out.
 * @param random draws the inputs
 */
export function profileSegments(
  graph: ModelGraph,
  branches: readonly Branch[],
  shapes: TensorShapes,
  random: () => number,
): Map<string, MeasurableSegment> {
  const segments = branches.flatMap(({ layers, cuts }) => {
    const input = cuts[0] ?? [];
    const output = cuts.at(-1) ?? [];
    return [
      ...layers.map(layerSegment),
      ...cuts.slice(1).map((cut) => ({ inputs: input, outputs: cut })),
      ...cuts.slice(0, -1).map((cut) => ({ inputs: cut, outputs: output })),
    ];
  });
  const measurable = (segment: Segment): MeasurableSegment => ({
    toModel: () => extractTensors(graph, { ...segment, shapes }),
    toInputs: () => Object.fromEntries(segment.inputs.map((name) => [name, randomTensor(name, shapes, random)])),
  });
  const floats = segments.filter((segment) => isFloat(segment, shapes));
  return new Map([[callKey, call], ...floats.map((segment) => [keyOf(segment), measurable(segment)] as const)]);
}

export function layerSegment({ inputs, outputs }: Layer): Segment {
  return { inputs, outputs };
}

/** Two segments between the same tensors hold the same nodes, whichever exits they were cut for. */
export function keyOf({ inputs, outputs }: Segment): string {
  return `${inputs.join(' ')} → ${outputs.join(' ')}`;
}

const call: MeasurableSegment = {
  toModel: callModel,
  toInputs: () => ({ [callInput]: { data: Float32Array.of(1), dims: [1] } }),
};

function isFloat({ inputs, outputs }: Segment, shapes: TensorShapes): boolean {
  return [...inputs, ...outputs].every((name) => shapes.get(name)?.dtype === 'float32');
}

/** @returns a tensor of the right shape, standard normal: zeros or denormal numbers would take other times */
function randomTensor(name: string, shapes: TensorShapes, random: () => number): Tensor {
  const data = new Float32Array(elementsOf(name, shapes));
  for (let i = 0; i < data.length; i += 1) {
    data[i] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
  return { data, dims: shapes.get(name)?.dims ?? [] };
}
