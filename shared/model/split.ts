import { create } from '@bufbuild/protobuf';
import { FleetError } from '../runtime/errors.ts';
import { branchOf, nodesBetween } from './branches.ts';
import { dataTypeNumber, float32Number } from './data-type.ts';
import type { GraphNode, ModelGraph } from './graph.ts';
import { cutAround, layerGraph } from './layer-set.ts';
import type { NodeProto, SparseTensorProto, TensorProto, ValueInfoProto } from './onnx_pb.ts';
import { GraphProtoSchema, ValueInfoProtoSchema } from './onnx_pb.ts';
import { serializeModel } from './serialize-model.ts';
import type { TensorShapes } from './shapes.ts';
import { batchSymbol, declaredInput } from './shapes.ts';

/** What a segment is given and gives, by tensor name, and the shapes of a run if there are any. */
export interface SegmentEnds {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Without them, tensors that the file says nothing of are taken for float32 of any shape. */
  readonly shapes?: TensorShapes | undefined;
}

/** The two halves of a branch; null where a half has no layer. */
export interface SplitBranch {
  /** The first tier's layers; its outputs are the cut's tensors. */
  readonly head: Uint8Array | null;
  /** The other layers; its inputs are the cut's tensors. */
  readonly tail: Uint8Array | null;
  /** Tensors that cross, in the cut's order. */
  readonly cut: readonly string[];
}

/**
 * Cuts the branch of one exit in two at a partition point.
 * @param partition how many layers run on the first tier, 0..N
 * @returns two ONNX models; composing them gives the branch's own output
 * @throws {FleetError} `model-unknown-exit`, `partition-out-of-range`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1
 */
export function splitBranch(graph: ModelGraph, exit: string, partition: number, shapes?: TensorShapes): SplitBranch {
  const { layers, cuts } = branchOf(graph, exit);
  const cut = cuts[partition];
  if (cut === undefined) throw outOfRange(exit, `${partition}`, layers.length);
  return {
    head: partition === 0 ? null : extractSegment(graph, exit, [0, partition], shapes),
    tail: partition === layers.length ? null : extractSegment(graph, exit, [partition, layers.length], shapes),
    cut,
  };
}

/**
 * Cuts the branch of one exit in two around any set of layers that lacks none of those before them: where a branch is
 * no chain, more than its partition points.
 * @param layers indices, 1..N, of the layers that run on the first tier
 * @returns two ONNX models; composing them gives the branch's own output
 * @throws {FleetError} `model-unknown-exit`, `layer-unknown`, `layers-not-closed`
 */
export function splitBranchAround(
  graph: ModelGraph,
  exit: string,
  layers: ReadonlySet<number>,
  shapes?: TensorShapes,
): SplitBranch {
  const branch = layerGraph(branchOf(graph, exit));
  const cut = cutAround(branch, layers);
  // A closed set's layers all lead to its cut, and the cut shields the rest from them: ends alone tell the halves apart.
  return {
    head: layers.size === 0 ? null : extractTensors(graph, { inputs: branch.inputs, outputs: cut, shapes }),
    tail: layers.size === branch.layers.length ? null : extractTensors(graph, { inputs: cut, outputs: [exit], shapes }),
    cut,
  };
}

/**
 * Layers from+1..to of a branch as a model of their own: inputs are the tensors of cut `from`, outputs those of cut `to`.
 * @param range [from, to] with 0 ≤ from < to ≤ N
 * @returns an ONNX file with the weights that these layers need and no other
 * @throws {FleetError} `model-unknown-exit`, `partition-out-of-range`
 */
export function extractSegment(
  graph: ModelGraph,
  exit: string,
  range: readonly [from: number, to: number],
  shapes?: TensorShapes,
): Uint8Array {
  const { layers, cuts } = branchOf(graph, exit);
  const [from, to] = range;
  const inputs = cuts[from];
  const outputs = cuts[to];
  if (inputs === undefined || outputs === undefined || from >= to)
    throw outOfRange(exit, `${from}..${to}`, layers.length);
  return extractTensors(graph, { inputs, outputs, shapes });
}

/**
 * The part of a model between given tensors, for segments that give more than one cut: a head that also puts out
 * what an earlier exit needs.
 * @throws {FleetError} `model-graph-invalid` when an output needs an input of the model that is not given
 */
export function extractTensors(graph: ModelGraph, ends: SegmentEnds): Uint8Array {
  const nodes = nodesBetween(graph, ends.inputs, ends.outputs);
  requireInputs(graph, nodes, ends);
  const { constantNodes, initializer, sparseInitializer } = constantsOf(graph, nodes);
  const info = (name: string) => valueInfo(graph, name, ends.shapes);
  const segment = create(GraphProtoSchema, {
    name: graph.model.graph?.name ?? '',
    node: [...constantNodes, ...nodes.map((node) => node.proto)],
    initializer,
    sparseInitializer,
    input: ends.inputs.map(info),
    output: ends.outputs.map(info),
  });
  return serializeModel(graph.model, segment);
}

function outOfRange(exit: string, asked: string, layers: number): FleetError {
  return new FleetError('partition-out-of-range', `${exit} has ${layers} layers: ${asked} is not within 0..${layers}`);
}

function requireInputs(graph: ModelGraph, nodes: readonly GraphNode[], ends: SegmentEnds): void {
  const given = new Set(ends.inputs);
  const asked = new Set([...nodes.flatMap((node) => node.inputs), ...ends.outputs]);
  for (const name of asked) {
    if (given.has(name) || graph.producers.has(name)) continue;
    throw new FleetError('model-graph-invalid', `the segment needs tensor ${JSON.stringify(name)}, which is not given`);
  }
}

interface SegmentConstants {
  constantNodes: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
}

/** All that the nodes read that does not depend on the input; constant nodes in execution order. */
function constantsOf(graph: ModelGraph, nodes: readonly GraphNode[]): SegmentConstants {
  const needed = new Set<string>();
  const pending = nodes.flatMap((node) => node.constantInputs);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const constant = graph.constants.get(name);
    if (constant?.kind === 'node') pending.push(...constant.node.constantInputs);
  }
  const constantNodes = new Set<NodeProto>();
  const initializer: TensorProto[] = [];
  const sparseInitializer: SparseTensorProto[] = [];
  // The map is in the order of storing and then of execution.
  for (const [name, constant] of graph.constants) {
    if (!needed.has(name)) continue;
    if (constant.kind === 'node') constantNodes.add(constant.node.proto);
    else if (constant.kind === 'initializer') initializer.push(constant.tensor);
    else sparseInitializer.push(constant.tensor);
  }
  return { constantNodes: [...constantNodes], initializer, sparseInitializer };
}

function valueInfo(graph: ModelGraph, name: string, shapes: TensorShapes | undefined): ValueInfoProto {
  const declared =
    declaredInput(graph, name) ??
    graph.model.graph?.output.find((output) => output.name === name) ??
    graph.model.graph?.valueInfo.find((value) => value.name === name);
  if (declared?.type?.tensorType !== undefined) return declared;
  const shape = shapes?.get(name);
  if (shape === undefined) {
    return create(ValueInfoProtoSchema, { name, type: { tensorType: { elemType: float32Number } } });
  }
  const symbol = batchSymbol(graph);
  const dim = shape.dims.map((size, axis) => {
    if (!shape.batchAxes.includes(axis)) return { value: { case: 'dimValue', value: BigInt(size) } } as const;
    return size === 1 ? ({ value: { case: 'dimParam', value: symbol } } as const) : {};
  });
  const elemType = dataTypeNumber(shape.dtype) ?? float32Number;
  return create(ValueInfoProtoSchema, { name, type: { tensorType: { elemType, shape: { dim } } } });
}
