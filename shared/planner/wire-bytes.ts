import { type ChunkLimits, chunkCount } from '../protocol/chunking.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import { headerBytesBeforeDims } from '../protocol/tensor-frame.ts';
import { bytesOnWire, type WireEncoding } from '../protocol/wire-encoding.ts';
import type { TensorShape } from './plan.ts';

/** MQTT's fixed header and the topic of a chunk whose two ids have about a dozen characters each, bytes a message. */
export const messageOverheadBytes = 64;

/** @returns bytes of the messages that ask for something with these tensors, headers included, a few too many at most */
export function requestBytes(tensors: readonly TensorShape[], encoding: WireEncoding, limits?: ChunkLimits): number {
  return messageBytes(tensors, encoding, { beforeDims: headerBytesBeforeDims('request', encoding), limits });
}

/** @returns bytes of the messages that answer with these tensors, headers included, a few too many at most */
export function replyBytes(tensors: readonly TensorShape[], encoding: Encoding): number {
  return messageBytes(tensors, encoding, { beforeDims: headerBytesBeforeDims('reply', encoding), limits: undefined });
}

/** @returns milliseconds that this many bytes take at this rate */
export function transferMs(bytes: number, mbps: number): number {
  return (bytes * 8) / (mbps * 1000);
}

function messageBytes(
  tensors: readonly TensorShape[],
  encoding: WireEncoding,
  { beforeDims, limits }: { beforeDims: number; limits: ChunkLimits | undefined },
): number {
  let sum = 0;
  for (const shape of tensors) {
    const bytes = bytesOnWire(encoding, shape.elements);
    sum += bytes + chunkCount(bytes, limits) * (beforeDims + mostDimsBytes(shape) + messageOverheadBytes);
  }
  return sum;
}

/** A dimension takes a byte, and one more for each further seven bits: together no more than the whole tensor has. */
function mostDimsBytes({ elements, rank }: TensorShape): number {
  return rank + Math.floor(Math.log2(Math.max(1, elements)) / 7);
}
