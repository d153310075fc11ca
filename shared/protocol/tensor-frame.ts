import { crc32 } from 'node:zlib';
import { FleetError } from '../runtime/errors.ts';
import { dimsBytes, maxRank, readDims, tensorBytesOf, writeDims } from './chunk-dims.ts';
import { requireAtMost, requireFitting } from './chunk-numbers.ts';
import { type ChunkPlace, chunkStepBytes, placeInTensor } from './chunk-place.ts';
import { isImageEncoding, type WireEncoding, wireEncodings } from './wire-encoding.ts';

/**
 * One chunk of one tensor of one request or reply, as it travels in an MQTT payload. Little-endian.
 *
 *   chunk       = header payload
 *   header      = fixed ( asked / report ) [ affine ] dims
 *   fixed       = 28 bytes
 *     0  u16  magic 0x4645 ("EF")          2  u8   version 2
 *     3  u8   bits 0-1 kind: 0 request, 1 reply, 2 probe, 3 probe-reply
 *             bit 2 direction: 0 device-first, 1 edge-first
 *             bit 3 zero
 *             bits 4-7 encoding: 0 f32, 1 f16, 2 u8; of a request of partition 0 also 3 jpeg, 4 webp
 *     4  u32  crc32 of the whole chunk with these four bytes as zero
 *     8  u32  boot: differs after each start of the device
 *    12  u32  sequence: counts requests of this boot; (boot, sequence) is the request id
 *    16  u16  partition, 0..N              18  u8   exit, 1..M
 *    19  u8   bits 0-3 rank r, 0..8
 *             bits 4-7 status of a reply: 0 ok, 1 expired, 2 overloaded, 3 unavailable, 4 invalid
 *    20  u8   tensor index                 21  u8   tensor count
 *    22  u16  chunk index k                24  u32  step s, bytes
 *   asked       = 12 bytes, of a request or probe
 *     0  8 B  model: the first 8 bytes of the model's SHA-256
 *     8  u32  time left until the result is of no use any more, µs, at sending: until the deadline or, edge-first,
 *             until the device's tail no longer fits before it
 *   report      = 20 bytes, of a reply or probe-reply
 *     0  u32  worker: µs from the first chunk's arrival to the last's
 *     4  u32  bytes of messages that arrived after the first chunk did
 *     8  u32  worker: µs decoding and waiting in its queue
 *    12  u32  worker: µs of the runtime's own work
 *    16  u32  worker: µs from the last chunk's arrival to this sending
 *   affine      = f32 scale, f32 offset; in encoding u8 alone
 *   dims        = r × varint (see varint.ts); their product × the encoding's width is the tensor's size in bytes,
 *                 at most 2^32 − 1
 *   payload     = the rest: s bytes, a whole number of elements, at place k × s; the last chunk of a tensor
 *                 has what is left, 1 to s bytes; an empty tensor is one empty chunk, s is 0; s is never more than
 *                 the tensor's size, nor so small that there were more than 65,535 chunks
 *
 * An image (jpeg, webp) travels as one tensor of rank 1: the bytes of its file, whose pixels are the model's input.
 *
 * The tensors of a message, by the plan's direction and partition p:
 *
 *                 device-first, p in 0..N-1          edge-first, p in 1..N-1
 *   request       those of cut p, in its order       those of cut 0: the model's input
 *   reply, ok     the exit's output, f32             those of cut p, in its order, in the request's encoding
 *   other reply   one without elements               one without elements
 *   probe         one of any size; its reply is one without elements, sent when the worker's segment of the plan,
 *                 layers p+1..N or 1..p, is loaded
 *
 * A reply is cut into chunks as a request is; all of them carry the same report.
 */
const magic = 0x4645;
const version = 2;
const fixedBytes = 28;
const stepAt = 24;
const askedBytes = 12;
const reportBytes = 20;
const affineBytes = 8;

/** In the order of their numbers: those that answer are odd. */
export const chunkKinds = ['request', 'reply', 'probe', 'probe-reply'] as const;
export type ChunkKind = (typeof chunkKinds)[number];

export const replyStatuses = ['ok', 'expired', 'overloaded', 'unavailable', 'invalid'] as const;
export type ReplyStatus = (typeof replyStatuses)[number];

export const directions = ['device-first', 'edge-first'] as const;
export type Direction = (typeof directions)[number];

/** Times and counts that a worker adds to its reply, in microseconds and bytes; all 0 in a request or probe. */
export interface WorkerReport {
  spreadUs: number;
  spreadBytes: number;
  queueUs: number;
  computeUs: number;
  totalUs: number;
}

export interface ChunkHeader extends WorkerReport, ChunkPlace {
  kind: ChunkKind;
  boot: number;
  sequence: number;
  /**
   * First 8 bytes of the model's SHA-256, as 16 hexadecimal digits. A reply does not carry it, its request id says of
   * which model it is: there it reads as empty.
   */
  model: string;
  /** 1..M */
  exit: number;
  partition: number;
  direction: Direction;
  tensorIndex: number;
  tensorCount: number;
  dims: readonly number[];
  /** 1 where the encoding is not u8. */
  scale: number;
  /** 0 where the encoding is not u8. */
  offset: number;
  /** Of a request or probe; a reply does not carry it: there it reads as 0. */
  timeLeftUs: number;
  status: ReplyStatus;
}

export interface Chunk {
  header: ChunkHeader;
  /** A view into the message, not a copy. */
  payload: Uint8Array;
}

export const noReport: WorkerReport = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 0, totalUs: 0 };

/** @returns the bytes of a chunk's header without its dimensions, which take one byte for each seven bits of them */
export function headerBytesBeforeDims(kind: ChunkKind, encoding: WireEncoding): number {
  return fixedBytes + (isAnswer(kind) ? reportBytes : askedBytes) + (encoding === 'u8' ? affineBytes : 0);
}

/** @returns the bytes of a chunk's header */
export function headerBytes({ kind, encoding, dims }: Pick<ChunkHeader, 'kind' | 'encoding' | 'dims'>): number {
  return headerBytesBeforeDims(kind, encoding) + dimsBytes(dims);
}

/**
 * @param payload what will follow the header; read for the checksum, not copied
 * @returns the bytes of the header
 * @throws {FleetError} `frame-invalid` where a number does not fit its field or contradicts another
 */
export function sealChunk(header: ChunkHeader, payload: Uint8Array): Buffer {
  requireWritable(header);
  const { kind, encoding, dims } = header;
  const bytes = Buffer.allocUnsafe(headerBytes(header));
  bytes.writeUInt16LE(magic, 0);
  bytes[2] = version;
  bytes[3] =
    chunkKinds.indexOf(kind) | (directions.indexOf(header.direction) << 2) | (wireEncodings.indexOf(encoding) << 4);
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(header.boot, 8);
  bytes.writeUInt32LE(header.sequence, 12);
  bytes.writeUInt16LE(header.partition, 16);
  bytes[18] = header.exit;
  bytes[19] = dims.length | (replyStatuses.indexOf(header.status) << 4);
  bytes[20] = header.tensorIndex;
  bytes[21] = header.tensorCount;
  bytes.writeUInt16LE(header.chunkIndex, 22);
  bytes.writeUInt32LE(chunkStepBytes(header, payload.length), stepAt);
  const end = isAnswer(kind) ? writeReport(bytes, header) : writeAsked(bytes, header);
  writeDims(bytes, encoding === 'u8' ? writeAffine(bytes, end, header) : end, dims);
  const checksum = crc32(bytes);
  // Of no bytes the library gives 0, whatever came before.
  bytes.writeUInt32LE(payload.length === 0 ? checksum : crc32(payload, checksum), 4);
  return bytes;
}

/**
 * Reads a chunk and checks all that one chunk can tell about itself.
 * @param bytes the MQTT payload
 * @throws {FleetError} `frame-truncated`, `frame-version`, `frame-corrupt`, `frame-invalid`
 */
export function openChunk(bytes: Uint8Array): Chunk {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (message.length < fixedBytes) throw new FleetError('frame-truncated', `${message.length} bytes are no header`);
  if (message.readUInt16LE(0) !== magic) throw new FleetError('frame-invalid', 'no tensor frame');
  if (message[2] !== version) throw new FleetError('frame-version', `version ${message[2]}, expected ${version}`);
  checkCrc(message);
  const form = readForm(message);
  if (message.length < form.dimsAt) {
    throw new FleetError('frame-truncated', `${message.length} bytes are no header of a ${form.kind}`);
  }
  const header = readHeader(message, form);
  requireConsistent(header);
  const payload = message.subarray(headerBytes(header));
  if (chunkStepBytes(header, payload.length) !== message.readUInt32LE(stepAt)) {
    throw new FleetError('frame-invalid', `${payload.length} bytes are no step of chunk ${header.chunkIndex}`);
  }
  return { header, payload };
}

function isAnswer(kind: ChunkKind): boolean {
  return kind === 'reply' || kind === 'probe-reply';
}

function writeAsked(bytes: Buffer, { model, timeLeftUs }: ChunkHeader): number {
  bytes.writeUInt32BE(Number.parseInt(model.slice(0, 8), 16), fixedBytes);
  bytes.writeUInt32BE(Number.parseInt(model.slice(8), 16), fixedBytes + 4);
  return bytes.writeUInt32LE(timeLeftUs, fixedBytes + 8);
}

function writeReport(bytes: Buffer, report: WorkerReport): number {
  bytes.writeUInt32LE(report.spreadUs, fixedBytes);
  bytes.writeUInt32LE(report.spreadBytes, fixedBytes + 4);
  bytes.writeUInt32LE(report.queueUs, fixedBytes + 8);
  bytes.writeUInt32LE(report.computeUs, fixedBytes + 12);
  return bytes.writeUInt32LE(report.totalUs, fixedBytes + 16);
}

function writeAffine(bytes: Buffer, at: number, { scale, offset }: ChunkHeader): number {
  bytes.writeFloatLE(scale, at);
  return bytes.writeFloatLE(offset, at + 4);
}

function checkCrc(message: Buffer): void {
  const zero = Buffer.alloc(4);
  const computed = crc32(message.subarray(8), crc32(zero, crc32(message.subarray(0, 4))));
  if (computed !== message.readUInt32LE(4)) throw new FleetError('frame-corrupt', 'the checksum does not match');
}

/** What says how a header goes on after its fixed part. */
interface Form {
  kind: ChunkKind;
  direction: Direction;
  encoding: WireEncoding;
  dimsAt: number;
}

function readForm(message: Buffer): Form {
  const byte = message[3] ?? 0;
  if ((byte & 0x08) !== 0) throw new FleetError('frame-invalid', 'a bit is set that has no meaning');
  const kind = member(chunkKinds, byte & 0x03, 'kind');
  const direction = member(directions, (byte >> 2) & 0x01, 'direction');
  const encoding = member(wireEncodings, byte >> 4, 'encoding');
  return { kind, direction, encoding, dimsAt: headerBytesBeforeDims(kind, encoding) };
}

function readHeader(message: Buffer, { kind, direction, encoding, dimsAt }: Form): ChunkHeader {
  const rank = (message[19] ?? 0) & 0x0f;
  if (rank > maxRank) throw new FleetError('frame-invalid', `rank ${rank} is too high`);
  const dims = readDims(message, dimsAt, rank);
  const asks = !isAnswer(kind);
  const isAffine = encoding === 'u8';
  const place = placeInTensor(
    { encoding, tensorBytes: tensorBytesOf(dims, encoding), chunkIndex: message.readUInt16LE(22) },
    message.readUInt32LE(stepAt),
  );
  return {
    kind,
    boot: message.readUInt32LE(8),
    sequence: message.readUInt32LE(12),
    model: asks ? message.toString('hex', fixedBytes, fixedBytes + 8) : '',
    exit: message[18] ?? 0,
    direction,
    partition: message.readUInt16LE(16),
    tensorIndex: message[20] ?? 0,
    tensorCount: message[21] ?? 0,
    encoding,
    dims,
    scale: isAffine ? message.readFloatLE(dimsAt - 8) : 1,
    offset: isAffine ? message.readFloatLE(dimsAt - 4) : 0,
    tensorBytes: place.tensorBytes,
    byteOffset: place.byteOffset,
    chunkIndex: place.chunkIndex,
    chunkCount: place.chunkCount,
    timeLeftUs: asks ? message.readUInt32LE(fixedBytes + 8) : 0,
    status: member(replyStatuses, (message[19] ?? 0) >> 4, 'status'),
    spreadUs: asks ? 0 : message.readUInt32LE(fixedBytes),
    spreadBytes: asks ? 0 : message.readUInt32LE(fixedBytes + 4),
    queueUs: asks ? 0 : message.readUInt32LE(fixedBytes + 8),
    computeUs: asks ? 0 : message.readUInt32LE(fixedBytes + 12),
    totalUs: asks ? 0 : message.readUInt32LE(fixedBytes + 16),
  };
}

function member<T>(list: readonly T[], index: number, field: string): T {
  const value = list[index];
  if (value === undefined) throw new FleetError('frame-invalid', `${field} ${index} is unknown`);
  return value;
}

function requireWritable(header: ChunkHeader): void {
  requireFitting(header);
  requireAtMost(header.dims.length, maxRank, 'rank');
  for (const size of header.dims) requireAtMost(size, 0xffff_ffff, 'dimension');
  if (!isAnswer(header.kind) && !/^[0-9a-f]{16}$/.test(header.model)) {
    throw new FleetError('frame-invalid', `model "${header.model}" is no digest`);
  }
  requireConsistent(header);
}

function requireConsistent(header: ChunkHeader): void {
  const { dims, encoding, tensorBytes, scale, offset } = header;
  if (tensorBytesOf(dims, encoding) !== tensorBytes) {
    throw new FleetError('frame-invalid', `${tensorBytes} bytes for [${dims}] in ${encoding}`);
  }
  if (header.chunkIndex >= header.chunkCount || header.tensorIndex >= header.tensorCount) {
    throw new FleetError('frame-invalid', 'an index lies beyond its count');
  }
  if (!Number.isFinite(scale) || !Number.isFinite(offset)) {
    throw new FleetError('frame-invalid', 'scale or offset is no number');
  }
  if (encoding !== 'u8' && (scale !== 1 || offset !== 0)) {
    throw new FleetError('frame-invalid', `${encoding} has neither scale nor offset`);
  }
  if (isImageEncoding(encoding)) requireImage(header);
}

/** Only the model's input is an image, and nothing is left of it where the device has run a layer. */
function requireImage({ kind, direction, partition, tensorCount, dims, encoding }: ChunkHeader): void {
  const isInput = kind === 'request' && direction === 'device-first' && partition === 0;
  if (!isInput || tensorCount !== 1 || dims.length !== 1) {
    throw new FleetError('frame-invalid', `a ${kind} of partition ${partition}, ${direction}, holds no ${encoding}`);
  }
}
