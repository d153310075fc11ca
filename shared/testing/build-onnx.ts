import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type NodeProto, type TensorProto } from '../model/onnx_pb.ts';

/** A graph in a test's words: every tensor is float32 of shape [batch, 4]. */
export interface SmallGraph {
  readonly nodes: readonly { op: string; inputs: readonly string[]; outputs: readonly string[] }[];
  readonly inputs?: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers?: readonly Partial<TensorProto>[];
  readonly attributes?: NodeProto['attribute'];
}

/** @returns an ONNX file of opset 13 */
export function buildOnnx({
  nodes,
  inputs = ['x'],
  outputs,
  initializers = [],
  attributes = [],
}: SmallGraph): Uint8Array {
  const dim = [{ value: { case: 'dimParam', value: 'batch' } }, { value: { case: 'dimValue', value: 4n } }] as const;
  const info = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [...dim] } } } });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: '', version: 13n }],
      graph: {
        name: 'small',
        node: nodes.map(({ op, inputs: input, outputs: output }, index) => ({
          name: `n${index}`,
          opType: op,
          input: [...input],
          output: [...output],
          attribute: index === 0 ? attributes : [],
        })),
        input: inputs.map(info),
        output: outputs.map(info),
        initializer: initializers.map(({ $typeName: _, ...tensor }) => tensor),
      },
    }),
  );
}

/** @returns an initialiser of shape [1, 4] */
export function weight(name: string, values: readonly number[]): Partial<TensorProto> {
  const rawData = new Uint8Array(Float32Array.from(values).buffer);
  return { name, dims: [1n, BigInt(values.length)], dataType: 1, rawData };
}
