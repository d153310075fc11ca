import { type ChunkLimits, chunkCount } from '../protocol/chunking.ts';
import { type Encoding, encodedBytes } from '../protocol/tensor-encoding.ts';
import { headerBytes } from '../protocol/tensor-frame.ts';
import type { TensorShape } from './plan.ts';

/** MQTT's fixed header and the topic of a chunk whose two ids have about a dozen characters each, bytes a message. */
export const messageOverheadBytes = 64;

/** @returns bytes of the messages that carry these tensors in this encoding, headers included */
export function wireBytes(tensors: readonly TensorShape[], encoding: Encoding, limits?: ChunkLimits): number {
  let sum = 0;
  for (const { elements, rank } of tensors) {
    const bytes = encodedBytes(encoding, elements);
    sum += bytes + chunkCount(bytes, limits) * (headerBytes(rank) + messageOverheadBytes);
  }
  return sum;
}

/** @returns milliseconds that this many bytes take at this rate */
export function transferMs(bytes: number, mbps: number): number {
  return (bytes * 8) / (mbps * 1000);
}
