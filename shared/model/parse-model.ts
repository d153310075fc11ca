import { fromBinary } from '@bufbuild/protobuf';
import { FleetError, messageOf } from '../runtime/errors.ts';
import { buildGraph } from './build-graph.ts';
import type { ModelGraph } from './graph.ts';
import type { ModelProto } from './onnx_pb.ts';
import { ModelProtoSchema } from './onnx_pb.ts';
import type { ExternalData } from './stored-tensors.ts';
import { checkStoredTensors } from './stored-tensors.ts';

/** Every exporter writes the format version first: field 1, a varint. */
const irVersionTag = 0x08;

/**
 * Reads an ONNX file. The graph keeps views of `bytes`: whoever owns them must not change them afterwards.
 * @param bytes the file
 * @param externalData gives weights that lie in other files; without it such a model is refused
 * @throws {FleetError} `model-truncated`, `model-not-onnx`, `model-external-data`, `model-has-loop`,
 *   `model-too-large`, `model-graph-invalid`
 */
export function parseModel(bytes: Uint8Array, externalData?: ExternalData): ModelGraph {
  const model = decode(bytes);
  const parameterBytes = checkStoredTensors(model, externalData);
  return buildGraph(model, parameterBytes);
}

function decode(bytes: Uint8Array): ModelProto {
  if (bytes.byteLength === 0) throw new FleetError('model-truncated', 'the file is empty');
  const startsLikeOnnx = bytes[0] === irVersionTag;
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    if (startsLikeOnnx && cause instanceof RangeError && cause.message.includes('premature EOF')) {
      throw new FleetError('model-truncated', `the file ends after ${bytes.byteLength} bytes, within a field`, {
        cause,
      });
    }
    throw new FleetError('model-not-onnx', `the bytes are no ONNX model: ${messageOf(cause)}`, { cause });
  }
  if (model.graph !== undefined && model.opsetImport.length > 0) return model;
  if (!startsLikeOnnx) throw new FleetError('model-not-onnx', 'the bytes hold no graph');
  const missing = model.graph === undefined ? 'graph' : 'operator set';
  throw new FleetError('model-truncated', `the file ends after ${bytes.byteLength} bytes, before its ${missing}`);
}
