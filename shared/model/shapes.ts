import { FleetError } from '../runtime/errors.ts';
import type { ModelGraph } from './graph.ts';
import type { ValueInfoProto } from './onnx_pb.ts';

/** What running the model once has shown of a tensor. */
export interface TensorShape {
  readonly dtype: string;
  /** At batch 1. */
  readonly dims: readonly number[];
  /** Axes that grow with the batch; none where the model's batch is fixed. */
  readonly batchAxes: readonly number[];
}

/** Shapes of the model's inputs and of every tensor computed from them, by name. */
export type TensorShapes = ReadonlyMap<string, TensorShape>;

/**
 * @param batch size of the first dimension where the file leaves it open
 * @returns the dimensions of an input
 * @throws {FleetError} `tensor-unsupported` where the file leaves another one open
 */
export function inputDims(graph: ModelGraph, name: string, batch: number): number[] {
  const shape = declaredInput(graph, name)?.type?.tensorType?.shape;
  if (shape === undefined) throw openInput(name, 'shape');
  return shape.dim.map(({ value }, axis) => {
    if (value.case === 'dimValue' && value.value > 0n) return Number(value.value);
    if (axis === 0) return batch;
    throw openInput(name, `dimension ${axis}`);
  });
}

/** @returns whether the first dimension of an input is left open: the batch */
export function hasOpenBatch(graph: ModelGraph, name: string): boolean {
  const first = declaredInput(graph, name)?.type?.tensorType?.shape?.dim[0];
  return first !== undefined && (first.value.case !== 'dimValue' || first.value.value <= 0n);
}

/** @returns the name of the open batch dimension, `batch` where the file gives none */
export function batchSymbol(graph: ModelGraph): string {
  for (const name of graph.inputs) {
    const first = declaredInput(graph, name)?.type?.tensorType?.shape?.dim[0];
    if (first?.value.case === 'dimParam' && first.value.value !== '') return first.value.value;
  }
  return 'batch';
}

/** @returns the file's entry for an input */
export function declaredInput(graph: ModelGraph, name: string): ValueInfoProto | undefined {
  return graph.model.graph?.input.find((input) => input.name === name);
}

function openInput(name: string, what: string): FleetError {
  return new FleetError('tensor-unsupported', `input ${JSON.stringify(name)} has no fixed ${what}: export it with one`);
}
