import { create } from '@bufbuild/protobuf';
import { buildGraph } from './build-graph.ts';
import type { GraphNode, ModelGraph } from './graph.ts';
import type { NodeProto, TensorProto, ValueInfoProto } from './onnx_pb.ts';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import { batchSymbol } from './shapes.ts';

const int64Number = 7;

/**
 * The same model with its batch left open where the file pins it to 1: by the first dimension of an input or output, or
 * by a Reshape to a stored shape that begins with 1, as exporters write a flattening.
 * Whether the result can be run at other batches, and whether its requests then stay apart, only running it shows.
 * @returns undefined where nothing pins the batch
 * @throws {FleetError} `model-graph-invalid`
 */
export function openBatch(graph: ModelGraph): ModelGraph | undefined {
  const proto = graph.model.graph;
  if (proto === undefined) return undefined;
  const symbol = batchSymbol(graph);
  const replaced = new Map(graph.nodes.flatMap((node) => withOpenShape(graph, node) ?? []));
  const input = proto.input.map((info) => (graph.inputs.includes(info.name) ? opened(info, symbol) : info));
  const output = proto.output.map((info) => opened(info, symbol));
  const isPinned = replaced.size > 0 || input.some((info, place) => info !== proto.input[place]);
  if (!isPinned) return undefined;
  const openGraph = Object.assign(create(GraphProtoSchema), proto, {
    node: proto.node.map((node) => replaced.get(node)?.node ?? node),
    initializer: [...proto.initializer, ...[...replaced.values()].map(({ shape }) => shape)],
    input,
    output,
    // Shapes within the model may be pinned as well; the runtime infers them.
    valueInfo: [],
  });
  return buildGraph(Object.assign(create(ModelProtoSchema), graph.model, { graph: openGraph }), graph.parameterBytes);
}

/** @returns the entry as it is where its first dimension is not 1 */
function opened(info: ValueInfoProto, symbol: string): ValueInfoProto {
  const tensorType = info.type?.tensorType;
  const [first, ...rest] = tensorType?.shape?.dim ?? [];
  if (first?.value.case !== 'dimValue' || first.value.value !== 1n) return info;
  const open = { value: { case: 'dimParam', value: symbol } } as const;
  const sizes = rest.map(({ value }) => ({ value }));
  const elemType = tensorType?.elemType ?? 0;
  return create(ValueInfoProtoSchema, {
    name: info.name,
    type: { tensorType: { elemType, shape: { dim: [open, ...sizes] } } },
  });
}

interface OpenReshape {
  node: NodeProto;
  /** A stored shape of its own: others may read the one that it had. */
  shape: TensorProto;
}

/** @returns a Reshape that takes its first dimension from what it is given; undefined where it does so already */
function withOpenShape(graph: ModelGraph, { op, proto }: GraphNode): [[NodeProto, OpenReshape]] | undefined {
  const [data, shapeName] = proto.input;
  const takesZeroAsZero = proto.attribute.some(({ name, i }) => name === 'allowzero' && i === 1n);
  if (op !== 'Reshape' || data === undefined || shapeName === undefined || takesZeroAsZero) return undefined;
  const [first, ...rest] = storedIntegers(graph, shapeName) ?? [];
  if (first !== 1n) return undefined;
  // -1 follows from the number of elements; where another dimension does already, 0 repeats the given one.
  const dims = [rest.includes(-1n) ? 0n : -1n, ...rest];
  const name = `${shapeName} of ${proto.output[0] ?? proto.name} with open batch`;
  const shape = create(TensorProtoSchema, {
    name,
    dims: [BigInt(dims.length)],
    dataType: int64Number,
    rawData: new Uint8Array(BigInt64Array.from(dims).buffer),
  });
  const node = Object.assign(create(NodeProtoSchema), proto, { input: [data, name] });
  return [[proto, { node, shape }]];
}

function storedIntegers(graph: ModelGraph, name: string): bigint[] | undefined {
  const constant = graph.constants.get(name);
  if (constant?.kind === 'initializer') return integersOf(constant.tensor);
  if (constant?.kind !== 'node' || constant.node.op !== 'Constant') return undefined;
  const attributes = constant.node.proto.attribute;
  const value = attributes.find((attribute) => attribute.name === 'value')?.t;
  return value === undefined ? attributes.find((each) => each.name === 'value_ints')?.ints : integersOf(value);
}

function integersOf({ dataType, rawData, int64Data }: TensorProto): bigint[] | undefined {
  if (dataType !== int64Number) return undefined;
  if (rawData.byteLength === 0) return int64Data;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  return Array.from({ length: rawData.byteLength / 8 }, (_, i) => view.getBigInt64(8 * i, true));
}
