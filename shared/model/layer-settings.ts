import type { Constant, GraphNode, ModelGraph } from './graph.ts';
import type { AttributeProto } from './onnx_pb.ts';
import { declaredBytes, elementCount } from './stored-tensors.ts';

/** What a layer's attributes and weights say about it; only what its operator has is there. */
export interface LayerSettings {
  /** Window of a convolution or pool, [height, width]. */
  readonly kernel?: readonly number[];
  readonly stride?: readonly number[];
  /** Padding before and after each axis, [top, left, bottom, right]. */
  readonly pads?: readonly number[];
  readonly group?: number;
  /** Output channels of a convolution. */
  readonly filters?: number;
  /** Input channels of one filter. */
  readonly filterDepth?: number;
  /** Inputs of a fully connected layer to each of its outputs. */
  readonly inputFeatures?: number;
  /** Channels that local response normalisation sums over. */
  readonly size?: number;
}

/** @returns kernel, stride, filters and the like of a node */
export function layerSettings(graph: ModelGraph, node: GraphNode): LayerSettings {
  const attributes = new Map(node.proto.attribute.map((attribute) => [attribute.name, attribute]));
  const weight = weightShape(graph, node);
  switch (node.op) {
    case 'Conv':
    case 'ConvTranspose':
      return { ...windowSettings(attributes, weight), ...filterSettings(node, attributes, weight) };
    case 'MaxPool':
    case 'AveragePool':
    case 'LpPool':
      return windowSettings(attributes, undefined);
    case 'LRN':
      return { size: integer(attributes.get('size')) ?? 0 };
    case 'Gemm':
      return featureSettings(weight, integer(attributes.get('transB')) === 1 ? 1 : 0);
    case 'MatMul':
      return featureSettings(weight, weight === undefined ? 0 : Math.max(0, weight.length - 2));
    default:
      return {};
  }
}

/** @returns elements and bytes of the stored constants that a node reads, directly or through constant nodes */
export function parametersOf(graph: ModelGraph, node: GraphNode): { count: number; bytes: number } {
  const seen = new Set<Constant>();
  const pending = [...node.constantInputs];
  let count = 0;
  let bytes = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const constant = graph.constants.get(name);
    if (constant === undefined || seen.has(constant)) continue;
    seen.add(constant);
    if (constant.kind === 'node') pending.push(...constant.node.constantInputs);
    const attributes = constant.kind === 'node' ? constant.node.proto.attribute : [];
    const stored = constant.kind === 'initializer' ? [constant.tensor] : attributes.flatMap(({ t }) => t ?? []);
    const sparse = constant.kind === 'sparse' ? (constant.tensor.values ?? []) : [];
    for (const tensor of stored.concat(sparse)) {
      count += elementCount(tensor);
      bytes += declaredBytes(tensor);
    }
  }
  return { count, bytes };
}

function weightShape(graph: ModelGraph, node: GraphNode): number[] | undefined {
  const constant = graph.constants.get(node.proto.input[1] ?? '');
  return constant?.kind === 'initializer' ? constant.tensor.dims.map(Number) : undefined;
}

function windowSettings(attributes: Map<string, AttributeProto>, weight: number[] | undefined): LayerSettings {
  const kernel = integers(attributes.get('kernel_shape')) ?? weight?.slice(2);
  if (kernel === undefined) return {};
  const stride = integers(attributes.get('strides')) ?? kernel.map(() => 1);
  const pads = integers(attributes.get('pads')) ?? [...kernel, ...kernel].map(() => 0);
  return { kernel, stride, pads };
}

function filterSettings(
  node: GraphNode,
  attributes: Map<string, AttributeProto>,
  weight: number[] | undefined,
): LayerSettings {
  const group = integer(attributes.get('group')) ?? 1;
  if (weight === undefined) return { group };
  const [first = 0, second = 0] = weight;
  // A transposed convolution stores its weights input channels first.
  if (node.op === 'ConvTranspose') return { group, filters: second * group, filterDepth: first / group };
  return { group, filters: first, filterDepth: second };
}

function featureSettings(weight: number[] | undefined, axis: number): LayerSettings {
  const inputFeatures = weight?.[axis];
  return inputFeatures === undefined ? {} : { inputFeatures };
}

function integer(attribute: AttributeProto | undefined): number | undefined {
  return attribute === undefined ? undefined : Number(attribute.i);
}

function integers(attribute: AttributeProto | undefined): number[] | undefined {
  return attribute?.ints.length ? attribute.ints.map(Number) : undefined;
}
