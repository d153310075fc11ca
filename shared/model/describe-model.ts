import { FleetError } from '../runtime/errors.ts';
import type { Branch, Layer } from './branches.ts';
import { branchesOf } from './branches.ts';
import { elementsOf, flopsOf } from './flops.ts';
import type { ModelGraph } from './graph.ts';
import type { TensorShapes } from './shapes.ts';

/** A layer with what only a run of the model tells. Elements and FLOPs at batch 1. */
export interface DescribedLayer extends Layer {
  readonly inputElements: number;
  readonly outputElements: number;
  readonly outputShapes: readonly (readonly number[])[];
  readonly flops: number;
}

/** A tensor of a cut at batch 1. */
export interface CutTensor {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly elements: number;
  /** Size as f32. */
  readonly bytes: number;
}

export interface DescribedCut {
  readonly partition: number;
  readonly tensors: readonly CutTensor[];
  /** Size of all its tensors as f32, at batch 1. */
  readonly bytes: number;
}

export interface DescribedBranch {
  readonly exit: string;
  readonly layers: readonly DescribedLayer[];
  readonly cuts: readonly DescribedCut[];
  readonly parameterCount: number;
  readonly parameterBytes: number;
  readonly flops: number;
}

export interface ModelDescription {
  /** Inputs at batch 1. */
  readonly inputs: readonly CutTensor[];
  readonly branches: readonly DescribedBranch[];
}

/**
 * Puts the shapes of a run into branches and cuts. The result is plain data: it can be cached as JSON by the model's
 * digest.
 * @throws {FleetError} `model-graph-invalid` where the run did not show a tensor
 */
export function describeModel(graph: ModelGraph, shapes: TensorShapes): ModelDescription {
  return {
    inputs: graph.inputs.map((name) => cutTensor(name, shapes)),
    branches: branchesOf(graph).map((branch) => describeBranch(branch, shapes)),
  };
}

function describeBranch(branch: Branch, shapes: TensorShapes): DescribedBranch {
  const layers = branch.layers.map((layer) => describeLayer(layer, shapes));
  const cuts = branch.cuts.map((names, partition) => {
    const tensors = names.map((name) => cutTensor(name, shapes));
    return { partition, tensors, bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
  return {
    exit: branch.exit,
    layers,
    cuts,
    parameterCount: layers.reduce((sum, layer) => sum + layer.parameterCount, 0),
    parameterBytes: layers.reduce((sum, layer) => sum + layer.parameterBytes, 0),
    flops: layers.reduce((sum, layer) => sum + layer.flops, 0),
  };
}

function describeLayer(layer: Layer, shapes: TensorShapes): DescribedLayer {
  const total = (names: readonly string[]) => names.reduce((sum, name) => sum + elementsOf(name, shapes), 0);
  return {
    ...layer,
    inputElements: total(layer.inputs),
    outputElements: total(layer.outputs),
    outputShapes: layer.outputs.map((name) => shapes.get(name)?.dims ?? []),
    flops: flopsOf(layer, shapes),
  };
}

function cutTensor(name: string, shapes: TensorShapes): CutTensor {
  const shape = shapes.get(name);
  if (shape === undefined) {
    throw new FleetError('model-graph-invalid', `the run of the model did not show tensor ${JSON.stringify(name)}`);
  }
  const elements = elementsOf(name, shapes);
  return { name, dtype: shape.dtype, dims: shape.dims, elements, bytes: elements * Float32Array.BYTES_PER_ELEMENT };
}
