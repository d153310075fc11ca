import { create } from '@bufbuild/protobuf';
import type { ModelGraph } from '../model/graph.ts';
import type { NodeProto, TensorProto } from '../model/onnx_pb.ts';
import { GraphProtoSchema, NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from '../model/onnx_pb.ts';
import { serializeModel } from '../model/serialize-model.ts';
import type { TensorShapes } from '../model/shapes.ts';

/**
 * A model as exporters write it that were shown one image: its batch is 1 in inputs and outputs, and what was a Flatten
 * is a Reshape to a stored shape that begins with 1.
 * @returns an ONNX file
 */
export function pinBatch(graph: ModelGraph, shapes: TensorShapes): Uint8Array {
  const proto = graph.model.graph ?? create(GraphProtoSchema);
  const stored: TensorProto[] = [];
  const node = proto.node.map((each) => (each.opType === 'Flatten' ? toReshape(each, shapes, stored) : each));
  const pinned = (name: string) => {
    const dim = (shapes.get(name)?.dims ?? []).map((size) => {
      return { value: { case: 'dimValue', value: BigInt(size) } } as const;
    });
    return create(ValueInfoProtoSchema, { name, type: { tensorType: { elemType: 1, shape: { dim } } } });
  };
  return serializeModel(
    graph.model,
    Object.assign(create(GraphProtoSchema), proto, {
      node,
      initializer: [...proto.initializer, ...stored],
      input: proto.input.map(({ name }) => pinned(name)),
      output: proto.output.map(({ name }) => pinned(name)),
      valueInfo: [...shapes.keys()].map(pinned),
    }),
  );
}

function toReshape(flatten: NodeProto, shapes: TensorShapes, stored: TensorProto[]): NodeProto {
  const [output = ''] = flatten.output;
  const dims = shapes.get(output)?.dims ?? [];
  const name = `${output} shape`;
  const rawData = new Uint8Array(BigInt64Array.from(dims.map(BigInt)).buffer);
  stored.push(create(TensorProtoSchema, { name, dims: [BigInt(dims.length)], dataType: 7, rawData }));
  return Object.assign(create(NodeProtoSchema), flatten, {
    opType: 'Reshape',
    input: [flatten.input[0] ?? '', name],
    attribute: [],
  });
}
