import type { Tensor } from '../model/tensor.ts';
import { FleetError } from '../runtime/errors.ts';
import { chunkStepBytes } from './chunk-place.ts';
import { decodeTensor } from './tensor-encoding.ts';
import { type Chunk, type ChunkHeader, headerBytes } from './tensor-frame.ts';
import { bytesOnWire, isImageEncoding } from './wire-encoding.ts';

/**
 * Puts tensors together again from chunks in any order, with duplicates, from many senders.
 * INVARIANT: a sender's unfinished messages never take more than `maxBytesPerSender`, bookkeeping included, and
 * none is kept longer than `maxAgeMs`, nor a request longer than `maxLateMs` beyond the time that it said is left: its
 * sender has given it up since, and what it had not sent by then never comes.
 */
export interface Reassembler {
  /**
   * @param sender whose chunk it is; its request ids are its own
   * @param nowMs monotonic
   * @returns the message whose last missing chunk this was, else undefined
   * @throws {FleetError} `frame-invalid` where it contradicts earlier chunks; `reassembly-overflow` where it is
   * larger than a sender may hold (smaller ones take the place of the sender's oldest)
   */
  accept(sender: string, chunk: Chunk, nowMs: number): Assembled | undefined;
  /** Drops what is older than it may be. @returns how many messages */
  expire(nowMs: number): number;
  /** Bytes held for unfinished messages, bookkeeping included. */
  heldBytes(): number;
}

export interface Assembled {
  /** The header of the chunk that completed it. */
  header: ChunkHeader;
  /** Empty where the message is an image. */
  tensors: Tensor[];
  /** An image's file, as the header's encoding says. */
  image?: Uint8Array;
  firstArrivalMs: number;
  lastArrivalMs: number;
  /** Bytes of messages (headers too) that arrived after the first chunk did: with the spread they give the bandwidth. */
  bytesAfterFirst: number;
}

export interface ReassemblyLimits {
  maxBytesPerSender: number;
  maxAgeMs: number;
  /** What was under way when its sender gave it up may still come in this time; 1000 if absent. */
  maxLateMs?: number;
}

interface Unfinished {
  /** Of the chunk that came first: the others must repeat it. */
  header: ChunkHeader;
  tensors: Map<number, PartialTensor>;
  missingTensors: number;
  heldBytes: number;
  firstArrivalMs: number;
  bytesAfterFirst: number;
}

interface PartialTensor {
  header: ChunkHeader;
  stepBytes: number;
  /** Elements or, of an image, the bytes of its file. */
  data: Float32Array | Uint8Array;
  seen: Uint8Array;
  missingChunks: number;
}

interface Sender {
  partials: Map<string, Unfinished>;
  /** Ids that are over, finished or dropped for room, with the time: late chunks of them start nothing. */
  closed: Map<string, number>;
  heldBytes: number;
}

const rememberedIds = 64;
/** What a message or a tensor is counted with beside its data: maps, headers, views. */
const bookkeepingBytes = 512;

export function createReassembler(limits: ReassemblyLimits): Reassembler {
  const senders = new Map<string, Sender>();

  return {
    accept(name, chunk, nowMs) {
      const { header } = chunk;
      const stepBytes = chunkStepBytes(header, chunk.payload.length);
      const sender = senders.get(name) ?? { partials: new Map(), closed: new Map(), heldBytes: 0 };
      const id = requestKey(header);
      if (sender.closed.has(id)) return undefined;
      const known = sender.partials.get(id);
      if (known !== undefined) requireSame(known.header, header, sameInMessage);
      const tensor = known?.tensors.get(header.tensorIndex);
      if (tensor === undefined) makeRoom(sender, known, bytesFor(known, header), { limits, nowMs });
      else requireSameTensor(tensor, header, stepBytes);
      senders.set(name, sender);
      const partial = known ?? begin(sender, id, header, nowMs);
      if (known !== undefined) partial.bytesAfterFirst += headerBytes(header) + chunk.payload.length;
      place(tensor ?? beginTensor(sender, partial, header, stepBytes), partial, chunk);
      if (partial.missingTensors > 0) return undefined;
      close(sender, id, partial, nowMs);
      return finished(partial, header, nowMs);
    },
    expire(nowMs) {
      let dropped = 0;
      for (const [name, sender] of senders) {
        for (const [id, partial] of sender.partials) {
          if (nowMs - partial.firstArrivalMs <= longestAgeMs(partial.header, limits)) continue;
          close(sender, id, partial, nowMs);
          dropped += 1;
        }
        for (const [id, closedAtMs] of sender.closed) {
          if (nowMs - closedAtMs > limits.maxAgeMs) sender.closed.delete(id);
        }
        if (sender.partials.size === 0 && sender.closed.size === 0) senders.delete(name);
      }
      return dropped;
    },
    heldBytes: () => [...senders.values()].reduce((sum, sender) => sum + sender.heldBytes, 0),
  };
}

/** @returns the request id as a map key */
export function requestKey(header: Pick<ChunkHeader, 'boot' | 'sequence'>): string {
  return `${header.boot}/${header.sequence}`;
}

const sameInMessage = ['kind', 'model', 'exit', 'partition', 'direction', 'status', 'tensorCount'] as const;
const sameInTensor = ['encoding', 'scale', 'offset', 'tensorBytes', 'chunkCount'] as const;

function requireSame(first: ChunkHeader, header: ChunkHeader, fields: readonly (keyof ChunkHeader)[]): void {
  const field = fields.find((name) => first[name] !== header[name]);
  if (field === undefined) return;
  throw new FleetError('frame-invalid', `${field} is ${header[field]}, in an earlier chunk it was ${first[field]}`);
}

function requireSameTensor(tensor: PartialTensor, header: ChunkHeader, stepBytes: number): void {
  requireSame(tensor.header, header, sameInTensor);
  const { dims } = tensor.header;
  if (dims.length !== header.dims.length || dims.some((size, axis) => size !== header.dims[axis])) {
    throw new FleetError('frame-invalid', `shape is [${header.dims}], in an earlier chunk it was [${dims}]`);
  }
  if (stepBytes !== tensor.stepBytes) {
    throw new FleetError('frame-invalid', `chunks of ${stepBytes} bytes follow chunks of ${tensor.stepBytes}`);
  }
}

function begin(sender: Sender, id: string, header: ChunkHeader, nowMs: number): Unfinished {
  const partial: Unfinished = {
    header,
    tensors: new Map(),
    missingTensors: header.tensorCount,
    heldBytes: bookkeepingBytes,
    firstArrivalMs: nowMs,
    bytesAfterFirst: 0,
  };
  sender.partials.set(id, partial);
  sender.heldBytes += partial.heldBytes;
  return partial;
}

function beginTensor(sender: Sender, partial: Unfinished, header: ChunkHeader, stepBytes: number): PartialTensor {
  const tensor: PartialTensor = {
    header,
    stepBytes,
    data: isImageEncoding(header.encoding) ? new Uint8Array(header.tensorBytes) : new Float32Array(elementsOf(header)),
    seen: new Uint8Array(header.chunkCount),
    missingChunks: header.chunkCount,
  };
  const bytes = bytesFor(partial, header);
  partial.tensors.set(header.tensorIndex, tensor);
  partial.heldBytes += bytes;
  sender.heldBytes += bytes;
  return tensor;
}

/** Puts a chunk where it belongs. */
function place(tensor: PartialTensor, partial: Unfinished, { header, payload }: Chunk): void {
  if (tensor.seen[header.chunkIndex] === 1) return;
  const { encoding, byteOffset } = header;
  if (tensor.data instanceof Uint8Array) {
    tensor.data.set(payload, byteOffset);
  } else if (!isImageEncoding(encoding)) {
    const width = bytesOnWire(encoding, 1);
    const start = byteOffset / width;
    decodeTensor(payload, encoding, header, tensor.data.subarray(start, start + payload.length / width));
  }
  tensor.seen[header.chunkIndex] = 1;
  tensor.missingChunks -= 1;
  if (tensor.missingChunks === 0) partial.missingTensors -= 1;
}

function finished(partial: Unfinished, header: ChunkHeader, nowMs: number): Assembled {
  const inOrder = [...partial.tensors].sort(([a], [b]) => a - b).map(([, tensor]) => tensor);
  const image = inOrder.find(({ data }) => data instanceof Uint8Array)?.data;
  return {
    header,
    tensors: inOrder.flatMap(({ data, header: { dims } }) => (data instanceof Float32Array ? [{ data, dims }] : [])),
    ...(image instanceof Uint8Array && { image }),
    firstArrivalMs: partial.firstArrivalMs,
    lastArrivalMs: nowMs,
    bytesAfterFirst: partial.bytesAfterFirst,
  };
}

/** Replies, and requests that were late already when they were sent, say that no time is left. */
function longestAgeMs({ timeLeftUs }: ChunkHeader, { maxAgeMs, maxLateMs = 1000 }: ReassemblyLimits): number {
  return timeLeftUs === 0 ? maxAgeMs : Math.min(maxAgeMs, timeLeftUs / 1000 + maxLateMs);
}

function elementsOf(header: ChunkHeader): number {
  return header.tensorBytes / bytesOnWire(header.encoding, 1);
}

/** @returns what a tensor adds to what its sender holds, with its message where that is new too */
function bytesFor(known: Unfinished | undefined, header: ChunkHeader): number {
  const { BYTES_PER_ELEMENT } = isImageEncoding(header.encoding) ? Uint8Array : Float32Array;
  const data = elementsOf(header) * BYTES_PER_ELEMENT;
  return data + header.chunkCount + (known === undefined ? 2 * bookkeepingBytes : bookkeepingBytes);
}

/** Drops the sender's oldest unfinished messages until the new tensor fits; none where it never can. */
function makeRoom(
  sender: Sender,
  keep: Unfinished | undefined,
  bytes: number,
  { limits, nowMs }: { limits: ReassemblyLimits; nowMs: number },
): void {
  const { maxBytesPerSender } = limits;
  if ((keep?.heldBytes ?? 0) + bytes > maxBytesPerSender) {
    throw new FleetError('reassembly-overflow', `a sender may hold ${maxBytesPerSender} bytes of unfinished tensors`);
  }
  for (const [id, partial] of sender.partials) {
    if (sender.heldBytes + bytes <= maxBytesPerSender) return;
    if (partial !== keep) close(sender, id, partial, nowMs);
  }
}

function close(sender: Sender, id: string, partial: Unfinished, nowMs: number): void {
  sender.partials.delete(id);
  sender.heldBytes -= partial.heldBytes;
  sender.closed.set(id, nowMs);
  if (sender.closed.size <= rememberedIds) return;
  const [oldest] = sender.closed.keys();
  if (oldest !== undefined) sender.closed.delete(oldest);
}
