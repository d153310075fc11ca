import type { Tensor } from '../model/tensor.ts';
import { type AffineParameters, affineParameters, type Encoding, encodedBytes, encodeInto } from './tensor-encoding.ts';
import { type ChunkHeader, noReport, sealChunk, type WorkerReport } from './tensor-frame.ts';
import type { ImageEncoding } from './wire-encoding.ts';

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
/** What it takes at most, down to the least payload: a chunk that was begun cannot be taken back. */
const longestChunkMs = 150;
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
  const longest = 2 ** Math.floor(Math.log2((mbps * 1000 * longestChunkMs) / 8));
  const maxPayloadBytes = Math.max(minPayloadBytes, Math.min(defaultChunkLimits.maxPayloadBytes, longest));
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

/** @returns how many messages `chunksOf` makes of these tensors */
export function messageCount(tensors: readonly Tensor[], encoding: Encoding, limits?: ChunkLimits): number {
  return tensors.reduce((sum, { data }) => sum + chunkCount(encodedBytes(encoding, data.length), limits), 0);
}

/** One MQTT payload in two pieces, to be sent one after the other without joining them: header, and the encoded tensor. */
export type ChunkMessage = readonly [header: Buffer, payload: Uint8Array];

/**
 * Encodes tensors into messages, each made when it is asked for, so that the first is on its way while the next is
 * encoded. Of f32 nothing is copied: the payload is a view of the tensor, which must stay as it is until it is sent.
 * @returns MQTT payloads in sending order
 */
export function* chunksOf(
  envelope: Envelope,
  tensors: readonly Tensor[],
  limits: ChunkLimits = defaultChunkLimits,
): Generator<ChunkMessage> {
  for (const [tensorIndex, { data, dims }] of tensors.entries()) {
    const { encoding } = envelope;
    const parameters = affineParameters(data, encoding);
    const tensorBytes = encodedBytes(encoding, data.length);
    const step = chunkPayloadBytes(tensorBytes, limits);
    const header = headerOf(envelope, { tensorIndex, tensorCount: tensors.length, dims, parameters, tensorBytes });
    header.chunkCount = chunkCount(tensorBytes, limits);
    const width = encodedBytes(encoding, 1);
    for (; header.chunkIndex < header.chunkCount; header.chunkIndex += 1) {
      header.byteOffset = header.chunkIndex * step;
      const end = Math.min(header.byteOffset + step, tensorBytes);
      const payload = encodePart(data.subarray(header.byteOffset / width, end / width), encoding, parameters);
      yield [sealChunk(header, payload), payload];
    }
  }
}

/** A model's input as an image. */
export interface ImageFile {
  encoding: ImageEncoding;
  file: Uint8Array;
}

/** @returns how many messages `imageChunksOf` makes of a file */
export function imageMessageCount({ file }: Pick<ImageFile, 'file'>, limits?: ChunkLimits): number {
  return chunkCount(file.length, limits);
}

/** Cuts an image's file into messages, views of it: it must stay as it is until they are sent. */
export function* imageChunksOf(
  envelope: Omit<Envelope, 'encoding'>,
  { encoding, file }: ImageFile,
  limits: ChunkLimits = defaultChunkLimits,
): Generator<ChunkMessage> {
  const tensorBytes = file.length;
  const step = chunkPayloadBytes(tensorBytes, limits);
  const tensor = { tensorIndex: 0, tensorCount: 1, dims: [tensorBytes], parameters: notAffine, tensorBytes };
  const header: ChunkHeader = { ...headerOf({ ...envelope, encoding: 'f32' }, tensor), encoding };
  header.chunkCount = chunkCount(tensorBytes, limits);
  for (; header.chunkIndex < header.chunkCount; header.chunkIndex += 1) {
    header.byteOffset = header.chunkIndex * step;
    const payload = file.subarray(header.byteOffset, header.byteOffset + step);
    yield [sealChunk(header, payload), payload];
  }
}

/** @returns a reply whose one tensor has no elements: refused, expired, or the answer to a probe */
export function buildEmptyReply(envelope: Envelope): ChunkMessage {
  const tensor = { tensorIndex: 0, tensorCount: 1, dims: [0], parameters: notAffine, tensorBytes: 0 };
  const header = headerOf(envelope, tensor);
  return [sealChunk(header, nothing), nothing];
}

const nothing = new Uint8Array();
const notAffine: AffineParameters = { scale: 1, offset: 0 };

/** @returns the bytes of a run of elements: a view of them as f32 */
function encodePart(part: Float32Array, encoding: Encoding, parameters: AffineParameters): Uint8Array {
  if (encoding === 'f32') return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  const payload = Buffer.allocUnsafe(encodedBytes(encoding, part.length));
  encodeInto(part, encoding, parameters, payload);
  return payload;
}

interface TensorFields extends Pick<ChunkHeader, 'tensorIndex' | 'tensorCount' | 'dims' | 'tensorBytes'> {
  parameters: AffineParameters;
}

/**
 * Of the tensor's first chunk, which is also its last. Field by field: merging objects takes ten times as long on a
 * thread that has slept, and stands in every frame's way.
 */
function headerOf(envelope: Envelope, tensor: TensorFields): ChunkHeader {
  const { kind, boot, sequence, model, exit, partition, direction, timeLeftUs, status, encoding } = envelope;
  const { tensorIndex, tensorCount, dims, tensorBytes, parameters } = tensor;
  const { scale, offset } = parameters;
  const { spreadUs, spreadBytes, queueUs, computeUs, totalUs } = envelope.report ?? noReport;
  return {
    kind,
    boot,
    sequence,
    model,
    exit,
    partition,
    direction,
    timeLeftUs,
    status,
    encoding,
    tensorIndex,
    tensorCount,
    dims,
    tensorBytes,
    scale,
    offset,
    byteOffset: 0,
    chunkIndex: 0,
    chunkCount: 1,
    spreadUs,
    spreadBytes,
    queueUs,
    computeUs,
    totalUs,
  };
}
