import { create, toBinary } from '@bufbuild/protobuf';
import { float32Number } from './data-type.ts';
import { ModelProtoSchema } from './onnx_pb.ts';

/** The input of `callModel`: one float. */
export const callInput = 'x';

/**
 * A model of one node that only hands on one number: running it costs what every call of the runtime costs.
 * @returns an ONNX file of opset 13; `x` of shape [1] goes in and comes out as `y`
 */
export function callModel(): Uint8Array {
  const dim = [{ value: { case: 'dimValue', value: 1n } }] as const;
  const info = (name: string) => ({
    name,
    type: { tensorType: { elemType: float32Number, shape: { dim: [...dim] } } },
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: '', version: 13n }],
      graph: {
        name: 'call',
        node: [{ name: 'call', opType: 'Identity', input: [callInput], output: ['y'] }],
        input: [info(callInput)],
        output: [info('y')],
      },
    }),
  );
}
