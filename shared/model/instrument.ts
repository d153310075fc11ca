import { create } from '@bufbuild/protobuf';
import type { ModelGraph } from './graph.ts';
import { GraphProtoSchema, ValueInfoProtoSchema } from './onnx_pb.ts';
import { serializeModel } from './serialize-model.ts';

/**
 * A model that puts out every tensor it computes from its input: run once, it shows all shapes.
 * @returns an ONNX file; its outputs carry no type, the runtime infers them
 */
export function instrumentModel(graph: ModelGraph): Uint8Array {
  const names = [...graph.producers.keys()];
  const known = new Map(graph.model.graph?.output.map((output) => [output.name, output]));
  const output = names.map((name) => known.get(name) ?? create(ValueInfoProtoSchema, { name }));
  const instrumented = Object.assign(create(GraphProtoSchema), graph.model.graph, { output });
  return serializeModel(graph.model, instrumented);
}
