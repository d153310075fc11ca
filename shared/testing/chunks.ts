import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { Tensor } from '../model/tensor.ts';
import { type ChunkLimits, chunksOf, type Envelope } from '../protocol/chunking.ts';
import { encodedBytes, encodings } from '../protocol/tensor-encoding.ts';
import {
  type Chunk,
  type ChunkHeader,
  chunkKinds,
  directions,
  noReport,
  replyStatuses,
  sealChunk,
} from '../protocol/tensor-frame.ts';

/** One whole tensor of four floats in one chunk. */
export const sampleHeader: ChunkHeader = {
  kind: 'request',
  boot: 7,
  sequence: 1,
  model: '00112233aabbccdd',
  exit: 1,
  partition: 0,
  direction: 'device-first',
  tensorIndex: 0,
  tensorCount: 1,
  encoding: 'f32',
  dims: [4],
  scale: 1,
  offset: 0,
  tensorBytes: 16,
  byteOffset: 0,
  chunkIndex: 0,
  chunkCount: 1,
  timeLeftUs: 100_000,
  status: 'ok',
  spreadUs: 0,
  spreadBytes: 0,
  queueUs: 0,
  computeUs: 0,
  totalUs: 0,
};

/** What requests of tests have in common. */
export const sampleEnvelope: Envelope = {
  kind: 'request',
  boot: 7,
  sequence: 1,
  model: '00112233aabbccdd',
  exit: 1,
  partition: 0,
  direction: 'device-first',
  encoding: 'f32',
  timeLeftUs: 100_000,
  status: 'ok',
};

/** @returns a request's or reply's messages, each in one piece as it arrives */
export function buildChunks(envelope: Envelope, tensors: readonly Tensor[], limits?: ChunkLimits): Buffer[] {
  return [...chunksOf(envelope, tensors, limits)].map((pieces) => Buffer.concat(pieces));
}

/** @returns the message of a chunk, consistent or not */
export function sealed(header: ChunkHeader, payload: Uint8Array): Buffer {
  return Buffer.concat([sealChunk(header, payload), payload]);
}

/** @returns the message with the checksum that its bytes have now */
export function resealed(message: Buffer): Buffer {
  message.writeUInt32LE(0, 4);
  message.writeUInt32LE(crc32(message), 4);
  return message;
}

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const finiteFloat = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Of one byte mostly, some of two and three. */
const dimension = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(127, 128, 300, 16_383, 16_384) },
);

/** Chunks that do not contradict themselves, each with the step of its tensor. */
export const arbitraryChunk: fc.Arbitrary<Chunk & { stepBytes: number }> = fc
  .record({
    kind: fc.constantFrom(...chunkKinds),
    boot: u32,
    sequence: u32,
    model: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    exit: u8,
    partition: u16,
    direction: fc.constantFrom(...directions),
    tensorIndex: fc.integer({ min: 0, max: 254 }),
    tensorCount: fc.constant(255),
    encoding: fc.constantFrom(...encodings),
    dims: fc.array(dimension, { maxLength: 8 }),
    scale: finiteFloat,
    offset: finiteFloat,
    timeLeftUs: u32,
    status: fc.constantFrom(...replyStatuses),
    spreadUs: u32,
    spreadBytes: u32,
    queueUs: u32,
    computeUs: u32,
    totalUs: u32,
    place: fc.nat(),
    stepElements: fc.integer({ min: 1, max: 100 }),
    fill: u8,
  })
  .filter(({ dims }) => dims.reduce((product, size) => product * size, 1) <= 50_000)
  .map(({ place, stepElements, fill, ...fields }) => {
    const elements = fields.dims.reduce((product, size) => product * size, 1);
    const tensorBytes = encodedBytes(fields.encoding, elements);
    const stepBytes = Math.min(tensorBytes, encodedBytes(fields.encoding, stepElements));
    const chunkCount = Math.max(1, Math.ceil(tensorBytes / Math.max(1, stepBytes)));
    const chunkIndex = place % chunkCount;
    const byteOffset = chunkIndex * stepBytes;
    const payload = new Uint8Array(Math.min(stepBytes, tensorBytes - byteOffset)).fill(fill);
    const header = { ...fields, tensorBytes, byteOffset, chunkIndex, chunkCount };
    return { header: { ...header, ...notCarried(header) }, payload, stepBytes };
  });

/** @returns what a chunk of this kind and encoding has no field for, as it reads without */
function notCarried({ kind, encoding }: Pick<ChunkHeader, 'kind' | 'encoding'>): Partial<ChunkHeader> {
  const byKind = kind === 'request' || kind === 'probe' ? noReport : { model: '', timeLeftUs: 0 };
  return encoding === 'u8' ? byKind : { ...byKind, scale: 1, offset: 0 };
}

/** Tensors of up to four dimensions, empty ones among them. */
export const arbitraryTensor: fc.Arbitrary<Tensor> = fc
  .array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 })
  .chain((dims) => {
    const elements = dims.reduce((product, size) => product * size, 1);
    return fc.array(finiteFloat, { minLength: elements, maxLength: elements }).map((values) => {
      return { data: Float32Array.from(values), dims };
    });
  });
