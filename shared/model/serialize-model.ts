import { clearField, create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ModelGraph } from './graph.ts';
import type { GraphProto, ModelProto, TensorProto } from './onnx_pb.ts';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './onnx_pb.ts';

const graphField = 7;
const initializerField = 5;
const rawDataField = 9;

/**
 * Writes a model as an ONNX file. Nested messages would copy every weight once a level; here the small parts are
 * encoded apart and each weight is copied once, into its place in the result:
 *
 *   model without graph · tag 7, length · graph without initialisers · { tag 5, length · tensor · tag 9, length · data }
 */
export function serializeModel(model: ModelProto, graph: GraphProto): Uint8Array {
  const graphParts = [
    toBinary(GraphProtoSchema, Object.assign(create(GraphProtoSchema), graph, { initializer: [] })),
    ...graph.initializer.flatMap(initializerParts),
  ];
  return concatenate([
    toBinary(ModelProtoSchema, Object.assign(create(ModelProtoSchema), model, { graph: undefined })),
    prefix(graphField, lengthOf(graphParts)),
    ...graphParts,
  ]);
}

/** @returns a parsed model as an ONNX file */
export function serializeWhole({ model }: Pick<ModelGraph, 'model'>): Uint8Array {
  return serializeModel(model, model.graph ?? create(GraphProtoSchema));
}

function initializerParts(tensor: TensorProto): Uint8Array[] {
  const small = Object.assign(create(TensorProtoSchema), tensor);
  clearField(small, TensorProtoSchema.field.rawData);
  const { rawData } = tensor;
  const data = rawData.byteLength > 0 ? [prefix(rawDataField, rawData.byteLength), rawData] : [];
  const body = [toBinary(TensorProtoSchema, small), ...data];
  return [prefix(initializerField, lengthOf(body)), ...body];
}

function prefix(field: number, byteLength: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(byteLength).finish();
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(parts));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
