import type { Tensor } from '../model/tensor.ts';
import { FleetError } from '../runtime/errors.ts';
import { decodeTensor, encodedBytes } from './tensor-encoding.ts';
import type { Chunk, ChunkHeader } from './tensor-frame.ts';

/**
 * Puts tensors together again from chunks in any order, with duplicates, from many senders.
 * INVARIANT: a sender's unfinished tensors never take more than `maxBytesPerSender`, and none is kept
 * longer than `maxAgeMs`.
 */
export interface Reassembler {
  /**
   * @param sender whose chunk it is; its request ids are its own
   * @param nowMs monotonic
   * @returns the message whose last missing chunk this was, else undefined
   * @throws {FleetError} `frame-invalid` where it contradicts earlier chunks; `reassembly-overflow`
   */
  accept(sender: string, chunk: Chunk, nowMs: number): Assembled | undefined;
  /** Drops what is older than `maxAgeMs`. @returns how many messages */
  expire(nowMs: number): number;
  /** Bytes held for unfinished messages. */
  heldBytes(): number;
}

export interface Assembled {
  /** The header of the chunk that completed it. */
  header: ChunkHeader;
  tensors: Tensor[];
  firstArrivalMs: number;
  lastArrivalMs: number;
  /** Bytes of messages that arrived after the first chunk did: with the spread they give the bandwidth. */
  bytesAfterFirst: number;
}

export interface ReassemblyLimits {
  maxBytesPerSender: number;
  maxAgeMs: number;
}

interface Unfinished {
  tensors: (PartialTensor | undefined)[];
  heldBytes: number;
  firstArrivalMs: number;
  arrivals: number;
  bytesAfterFirst: number;
}

interface PartialTensor {
  header: ChunkHeader;
  data: Float32Array;
  seen: Uint8Array;
  missingChunks: number;
  missingBytes: number;
}

interface Sender {
  partials: Map<string, Unfinished>;
  finished: Set<string>;
  heldBytes: number;
}

/** How many finished ids are remembered a sender, so that late duplicates start nothing. */
const rememberedIds = 64;

export function createReassembler(limits: ReassemblyLimits): Reassembler {
  const senders = new Map<string, Sender>();

  function drop(sender: Sender, id: string, partial: Unfinished): void {
    sender.partials.delete(id);
    sender.heldBytes -= partial.heldBytes;
  }

  return {
    accept(name, chunk, nowMs) {
      const sender = senders.get(name) ?? { partials: new Map(), finished: new Set(), heldBytes: 0 };
      senders.set(name, sender);
      const id = requestKey(chunk.header);
      if (sender.finished.has(id)) return undefined;
      const partial = sender.partials.get(id) ?? begin(sender, id, chunk.header, nowMs);
      if (partial.arrivals > 0) partial.bytesAfterFirst += chunk.payload.byteLength;
      partial.arrivals += 1;
      if (!place(sender, partial, chunk, limits)) return undefined;
      drop(sender, id, partial);
      remember(sender, id);
      return {
        header: chunk.header,
        tensors: partial.tensors.flatMap((part: PartialTensor | undefined) => (part ? [{ data: part.data, dims: part.header.dims }] : [])),
        firstArrivalMs: partial.firstArrivalMs,
        lastArrivalMs: nowMs,
        bytesAfterFirst: partial.bytesAfterFirst,
      };
    },
    expire(nowMs) {
      let dropped = 0;
      for (const [name, sender] of senders) {
        for (const [id, partial] of sender.partials) {
          if (nowMs - partial.firstArrivalMs <= limits.maxAgeMs) continue;
          drop(sender, id, partial);
          dropped += 1;
        }
        if (sender.partials.size === 0 && sender.finished.size === 0) senders.delete(name);
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

function begin(sender: Sender, id: string, header: ChunkHeader, nowMs: number): Unfinished {
  const partial: Unfinished = {
    tensors: Array.from({ length: header.tensorCount }, () => undefined),
    heldBytes: 0,
    firstArrivalMs: nowMs,
    arrivals: 0,
    bytesAfterFirst: 0,
  };
  sender.partials.set(id, partial);
  return partial;
}

/** Puts a chunk where it belongs. @returns whether the whole message is now complete */
function place(sender: Sender, partial: Unfinished, { header, payload }: Chunk, limits: ReassemblyLimits): boolean {
  if (header.tensorCount !== partial.tensors.length) throw new FleetError('frame-invalid', 'tensor counts differ');
  const tensor = partial.tensors[header.tensorIndex] ?? beginTensor(sender, partial, header, limits);
  if (header.tensorBytes !== tensor.header.tensorBytes || header.chunkCount !== tensor.header.chunkCount) {
    throw new FleetError('frame-invalid', 'chunks of one tensor disagree on its size');
  }
  if (tensor.seen[header.chunkIndex] === 1) return false;
  const width = encodedBytes(header.encoding, 1);
  if (header.byteOffset % width !== 0 || payload.length % width !== 0) {
    throw new FleetError('frame-invalid', 'a chunk ends inside an element');
  }
  const start = header.byteOffset / width;
  decodeTensor(payload, header.encoding, header, tensor.data.subarray(start, start + payload.length / width));
  tensor.seen[header.chunkIndex] = 1;
  tensor.missingChunks -= 1;
  tensor.missingBytes -= payload.length;
  if (tensor.missingChunks === 0 && tensor.missingBytes !== 0) {
    throw new FleetError('frame-invalid', 'the chunks do not cover the tensor');
  }
  return partial.tensors.every((part: PartialTensor | undefined) => part?.missingChunks === 0);
}

function beginTensor(sender: Sender, partial: Unfinished, header: ChunkHeader, limits: ReassemblyLimits): PartialTensor {
  const elements = header.tensorBytes / encodedBytes(header.encoding, 1);
  const bytes = elements * Float32Array.BYTES_PER_ELEMENT;
  makeRoom(sender, partial, bytes, limits);
  const tensor: PartialTensor = {
    header,
    data: new Float32Array(elements),
    seen: new Uint8Array(header.chunkCount),
    missingChunks: header.chunkCount,
    missingBytes: header.tensorBytes,
  };
  partial.tensors[header.tensorIndex] = tensor;
  partial.heldBytes += bytes;
  sender.heldBytes += bytes;
  return tensor;
}

/** Drops the sender's oldest unfinished messages until the new tensor fits. */
function makeRoom(sender: Sender, keep: Unfinished, bytes: number, { maxBytesPerSender }: ReassemblyLimits): void {
  for (const [id, partial] of sender.partials) {
    if (sender.heldBytes + bytes <= maxBytesPerSender) return;
    if (partial === keep) continue;
    sender.partials.delete(id);
    sender.heldBytes -= partial.heldBytes;
  }
  if (sender.heldBytes + bytes > maxBytesPerSender) {
    throw new FleetError('reassembly-overflow', `a sender may hold ${maxBytesPerSender} bytes of unfinished tensors`);
  }
}

function remember(sender: Sender, id: string): void {
  sender.finished.add(id);
  if (sender.finished.size <= rememberedIds) return;
  const [oldest] = sender.finished;
  if (oldest !== undefined) sender.finished.delete(oldest);
}
