import type { Tensor } from '../model/tensor.ts';
import { affineParameters, type Encoding, encodedBytes, encodeInto } from './tensor-encoding.ts';
import { type ChunkHeader, headerBytes, noReport, sealChunk, type WorkerReport } from './tensor-frame.ts';

/** What all chunks of one request or reply have in common. */
export type Envelope = Pick<
  ChunkHeader,
  'kind' | 'boot' | 'sequence' | 'model' | 'exit' | 'partition' | 'direction' | 'timeLeftUs' | 'status'
> & { encoding: Encoding; report?: WorkerReport };

export interface ChunkLimits {
  /** Largest payload of one chunk, bytes; a multiple of 4. */
  maxPayloadBytes: number;
  /** How many chunks a request is cut into at least, so that their spread tells the bandwidth. */
  minChunks: number;
  /** No chunk is made smaller than this for the sake of minChunks, bytes; a multiple of 4. */
  minPayloadBytes: number;
}

export const defaultChunkLimits: ChunkLimits = { maxPayloadBytes: 16_384, minChunks: 4, minPayloadBytes: 1024 };

/** What a chunk takes at least on a link of known rate: shorter ones cost more in headers than they tell. */
const chunkMs = 2;
const leastPayloadBytes = 4096;
const mostPayloadBytes = 65_536;

/**
 * @param mbps what the link is believed to carry
 * @returns limits with which a chunk takes some milliseconds, so that a slow link can be left between two of them and
 *   a fast one is not slowed down by many small messages
 */
export function chunkLimitsFor(mbps: number): ChunkLimits {
  const wanted = Math.round((mbps * 1000 * chunkMs) / 8 / 4) * 4;
  const minPayloadBytes = Math.min(mostPayloadBytes, Math.max(leastPayloadBytes, wanted));
  const maxPayloadBytes = Math.max(defaultChunkLimits.maxPayloadBytes, minPayloadBytes);
  return { ...defaultChunkLimits, minPayloadBytes, maxPayloadBytes };
}

/** @returns the payload bytes of each chunk of a tensor, all but the last equal and a multiple of 4 */
export function chunkPayloadBytes(tensorBytes: number, limits: ChunkLimits = defaultChunkLimits): number {
  const even = Math.ceil(tensorBytes / limits.minChunks / 4) * 4;
  return Math.max(4, Math.min(limits.maxPayloadBytes, Math.max(even, limits.minPayloadBytes)));
}

/** @returns how many chunks a tensor of this size travels as; an empty one as one */
export function chunkCount(tensorBytes: number, limits: ChunkLimits = defaultChunkLimits): number {
  return Math.max(1, Math.ceil(tensorBytes / chunkPayloadBytes(tensorBytes, limits)));
}

/**
 * Encodes tensors straight into their messages: the one copy that they make on their way to the socket. Each message
 * is made when it is asked for, so that the first is on its way while the next is encoded.
 * @returns MQTT payloads in sending order
 */
export function* chunksOf(
  envelope: Envelope,
  tensors: readonly Tensor[],
  limits: ChunkLimits = defaultChunkLimits,
): Generator<Buffer> {
  for (const [tensorIndex, tensor] of tensors.entries()) {
    yield* chunksOfTensor(envelope, tensor, { tensorIndex, tensorCount: tensors.length }, limits);
  }
}

/** @returns all messages at once */
export function buildChunks(envelope: Envelope, tensors: readonly Tensor[], limits?: ChunkLimits): Buffer[] {
  return [...chunksOf(envelope, tensors, limits)];
}

/** @returns a reply whose one tensor has no elements: refused, expired, or the answer to a probe */
export function buildEmptyReply(envelope: Envelope): Buffer {
  const message = Buffer.allocUnsafe(headerBytes(1));
  sealChunk(message, {
    ...noReport,
    ...envelope.report,
    ...envelope,
    tensorIndex: 0,
    tensorCount: 1,
    dims: [0],
    scale: 1,
    offset: 0,
    tensorBytes: 0,
    byteOffset: 0,
    chunkIndex: 0,
    chunkCount: 1,
  });
  return message;
}

function* chunksOfTensor(
  envelope: Envelope,
  { data, dims }: Tensor,
  place: Pick<ChunkHeader, 'tensorIndex' | 'tensorCount'>,
  limits: ChunkLimits,
): Generator<Buffer> {
  const { encoding } = envelope;
  const parameters = affineParameters(data, encoding);
  const tensorBytes = encodedBytes(encoding, data.length);
  const step = chunkPayloadBytes(tensorBytes, limits);
  const count = chunkCount(tensorBytes, limits);
  const width = encodedBytes(encoding, 1);
  for (let chunkIndex = 0; chunkIndex < count; chunkIndex += 1) {
    const byteOffset = chunkIndex * step;
    const part = data.subarray(byteOffset / width, Math.min(byteOffset + step, tensorBytes) / width);
    const start = headerBytes(dims.length);
    const message = Buffer.allocUnsafe(start + encodedBytes(encoding, part.length));
    encodeInto(part, encoding, parameters, message.subarray(start));
    sealChunk(message, {
      ...noReport,
      ...envelope.report,
      ...envelope,
      ...parameters,
      ...place,
      dims: [...dims],
      tensorBytes,
      byteOffset,
      chunkIndex,
      chunkCount: count,
    });
    yield message;
  }
}
