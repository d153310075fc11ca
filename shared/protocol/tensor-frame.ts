import { crc32 } from 'node:zlib';
import { FleetError } from '../runtime/errors.ts';
import { type ChunkPlace, chunkStepBytes } from './chunk-place.ts';
import { encodedBytes, encodings } from './tensor-encoding.ts';

/**
 * One chunk of one tensor of one request or reply, as it travels in an MQTT payload. Little-endian.
 *
 *   chunk       = header payload
 *   header      = fixed dims
 *   fixed       = 80 bytes, offsets below
 *     0  u16  magic 0x4645 ("EF")          2  u8   version 1
 *     3  u8   kind: 1 request, 2 reply, 3 probe, 4 probe-reply
 *     4  u32  crc32 of the whole chunk with these four bytes as zero
 *     8  u32  boot: differs after each start of the device
 *    12  u32  sequence: counts requests of this boot; (boot, sequence) is the request id
 *    16  8 B  model: the first 8 bytes of the model's SHA-256
 *    24  u8   exit, 1..M                   25  u8   direction: 0 device-first, 1 edge-first
 *    26  u16  partition, 0..N
 *    28  u8   tensor index                 29  u8   tensor count
 *    30  u8   encoding: 0 f32, 1 f16, 2 u8 31  u8   rank r, 0..8
 *    32  f32  scale                        36  f32  offset          (of u8)
 *    40  u32  bytes of the whole tensor    44  u32  this payload's place in it
 *    48  u16  chunk index k                50  u16  chunk count
 *    52  u32  time left until the result is of no use any more, µs, at sending (request): until the deadline or,
 *             edge-first, until the device's tail no longer fits before it; 0 in replies
 *    56  u8   status of a reply: 0 ok, 1 expired, 2 overloaded, 3 unavailable, 4 invalid
 *    57  3 B  zero
 *    60  u32  worker: µs from the first chunk's arrival to the last's
 *    64  u32  bytes of messages that arrived after the first chunk did
 *    68  u32  worker: µs decoding and waiting in its queue
 *    72  u32  worker: µs of the runtime's own work
 *    76  u32  worker: µs from the last chunk's arrival to this sending
 *   dims        = r × u32
 *   payload     = the rest: s bytes, a whole number of elements, at place k × s; the last chunk of a tensor
 *                 has what is left, 1 to s bytes; an empty tensor is one empty chunk
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
const version = 1;
const fixedBytes = 80;
const maxRank = 8;

export const chunkKinds = ['request', 'reply', 'probe', 'probe-reply'] as const;
export type ChunkKind = (typeof chunkKinds)[number];

export const replyStatuses = ['ok', 'expired', 'overloaded', 'unavailable', 'invalid'] as const;
export type ReplyStatus = (typeof replyStatuses)[number];

export const directions = ['device-first', 'edge-first'] as const;
export type Direction = (typeof directions)[number];

/** Times and counts that a worker adds to its reply, in microseconds and bytes. */
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
  /** First 8 bytes of the model's SHA-256, as 16 hexadecimal digits. */
  model: string;
  /** 1..M */
  exit: number;
  partition: number;
  direction: Direction;
  tensorIndex: number;
  tensorCount: number;
  dims: readonly number[];
  scale: number;
  offset: number;
  timeLeftUs: number;
  status: ReplyStatus;
}

export interface Chunk {
  header: ChunkHeader;
  /** A view into the message, not a copy. */
  payload: Uint8Array;
}

export const noReport: WorkerReport = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 0, totalUs: 0 };

/** @returns the bytes that a chunk's header takes for a tensor of this rank */
export function headerBytes(rank: number): number {
  return fixedBytes + 4 * rank;
}

/**
 * @param payload what will follow the header; read for the checksum, not copied
 * @returns the bytes of the header
 * @throws {FleetError} `frame-invalid` where a number does not fit its field
 */
export function sealChunk(header: ChunkHeader, payload: Uint8Array): Buffer {
  requireFitting(header);
  const bytes = Buffer.allocUnsafe(headerBytes(header.dims.length));
  bytes.writeUInt16LE(magic, 0);
  bytes[2] = version;
  bytes[3] = chunkKinds.indexOf(header.kind) + 1;
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(header.boot, 8);
  bytes.writeUInt32LE(header.sequence, 12);
  bytes.writeUInt32BE(Number.parseInt(header.model.slice(0, 8), 16), 16);
  bytes.writeUInt32BE(Number.parseInt(header.model.slice(8), 16), 20);
  bytes[24] = header.exit;
  bytes[25] = directions.indexOf(header.direction);
  bytes.writeUInt16LE(header.partition, 26);
  bytes[28] = header.tensorIndex;
  bytes[29] = header.tensorCount;
  bytes[30] = encodings.indexOf(header.encoding);
  bytes[31] = header.dims.length;
  bytes.writeFloatLE(header.scale, 32);
  bytes.writeFloatLE(header.offset, 36);
  bytes.writeUInt32LE(header.tensorBytes, 40);
  bytes.writeUInt32LE(header.byteOffset, 44);
  bytes.writeUInt16LE(header.chunkIndex, 48);
  bytes.writeUInt16LE(header.chunkCount, 50);
  bytes.writeUInt32LE(header.timeLeftUs, 52);
  bytes.writeUInt32LE(replyStatuses.indexOf(header.status), 56);
  bytes.writeUInt32LE(header.spreadUs, 60);
  bytes.writeUInt32LE(header.spreadBytes, 64);
  bytes.writeUInt32LE(header.queueUs, 68);
  bytes.writeUInt32LE(header.computeUs, 72);
  bytes.writeUInt32LE(header.totalUs, 76);
  for (const [i, size] of header.dims.entries()) bytes.writeUInt32LE(size, fixedBytes + 4 * i);
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
  const rank = message[31] ?? 0;
  if (rank > maxRank || message.length < headerBytes(rank)) {
    throw new FleetError('frame-truncated', `${message.length} bytes for a tensor of rank ${rank}`);
  }
  checkCrc(message);
  const header = readHeader(message, rank);
  const payload = message.subarray(headerBytes(rank));
  requireConsistent(header, payload.length);
  return { header, payload };
}

const largestByte = ['exit', 'tensorIndex', 'tensorCount'] as const;
const largestU16 = ['partition', 'chunkIndex', 'chunkCount'] as const;
const largestU32 = [
  'boot',
  'sequence',
  'tensorBytes',
  'byteOffset',
  'timeLeftUs',
  'spreadUs',
  'spreadBytes',
  'queueUs',
  'computeUs',
  'totalUs',
] as const;

/** A number that wrapped around would say something else at the other end. */
function requireFitting(header: ChunkHeader): void {
  for (const field of largestByte) requireAtMost(header[field], 0xff, field);
  for (const field of largestU16) requireAtMost(header[field], 0xffff, field);
  for (const field of largestU32) requireAtMost(header[field], 0xffff_ffff, field);
  for (const size of header.dims) requireAtMost(size, 0xffff_ffff, 'dimension');
  requireAtMost(header.dims.length, maxRank, 'rank');
  if (!/^[0-9a-f]{16}$/.test(header.model))
    throw new FleetError('frame-invalid', `model "${header.model}" is no digest`);
}

function requireAtMost(value: number, largest: number, field: string): void {
  if (!(value >= 0 && value <= largest)) throw new FleetError('frame-invalid', `${field} ${value} does not fit`);
}

function checkCrc(message: Buffer): void {
  const zero = Buffer.alloc(4);
  const computed = crc32(message.subarray(8), crc32(zero, crc32(message.subarray(0, 4))));
  if (computed !== message.readUInt32LE(4)) throw new FleetError('frame-corrupt', 'the checksum does not match');
}

function readHeader(message: Buffer, rank: number): ChunkHeader {
  return {
    kind: member(chunkKinds, (message[3] ?? 0) - 1, 'kind'),
    boot: message.readUInt32LE(8),
    sequence: message.readUInt32LE(12),
    model: message.toString('hex', 16, 24),
    exit: message[24] ?? 0,
    direction: member(directions, message[25] ?? 0, 'direction'),
    partition: message.readUInt16LE(26),
    tensorIndex: message[28] ?? 0,
    tensorCount: message[29] ?? 0,
    encoding: member(encodings, message[30] ?? 0, 'encoding'),
    dims: Array.from({ length: rank }, (_, i) => message.readUInt32LE(fixedBytes + 4 * i)),
    scale: message.readFloatLE(32),
    offset: message.readFloatLE(36),
    tensorBytes: message.readUInt32LE(40),
    byteOffset: message.readUInt32LE(44),
    chunkIndex: message.readUInt16LE(48),
    chunkCount: message.readUInt16LE(50),
    timeLeftUs: message.readUInt32LE(52),
    status: member(replyStatuses, message[56] ?? 0, 'status'),
    spreadUs: message.readUInt32LE(60),
    spreadBytes: message.readUInt32LE(64),
    queueUs: message.readUInt32LE(68),
    computeUs: message.readUInt32LE(72),
    totalUs: message.readUInt32LE(76),
  };
}

function member<T>(list: readonly T[], index: number, field: string): T {
  const value = list[index];
  if (value === undefined) throw new FleetError('frame-invalid', `${field} ${index} is unknown`);
  return value;
}

function requireConsistent(header: ChunkHeader, payloadBytes: number): void {
  const elements = header.dims.reduce((product, size) => product * size, 1);
  const width = encodedBytes(header.encoding, 1);
  if (elements * width !== header.tensorBytes) {
    throw new FleetError('frame-invalid', `${header.tensorBytes} bytes for ${elements} elements in ${header.encoding}`);
  }
  if (header.chunkIndex >= header.chunkCount || header.tensorIndex >= header.tensorCount) {
    throw new FleetError('frame-invalid', 'an index lies beyond its count');
  }
  if (payloadBytes % width !== 0) throw new FleetError('frame-invalid', 'a chunk ends inside an element');
  chunkStepBytes(header, payloadBytes);
  if (!Number.isFinite(header.scale) || !Number.isFinite(header.offset)) {
    throw new FleetError('frame-invalid', 'scale or offset is no number');
  }
}
