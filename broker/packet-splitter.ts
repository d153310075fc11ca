import type { RefusalReason } from './refusals.ts';

/**
 * Cuts a byte stream at the borders of MQTT control packets, and judges each by its fixed header before any more of it
 * is buffered.
 *
 *   packet           = first-byte remaining-length remaining        [MQTT 3.1.1, 2.2]
 *   first-byte       = type (4 bits) flags (4 bits)
 *   remaining-length = 1 to 4 bytes, 7 bits each, least significant first, top bit: more follow
 */
export interface PacketSplitter {
  /** Takes over a chunk; its memory is handed on, not copied, where whole packets lie in it. */
  push(chunk: Buffer): void;
  /** @returns the next whole packets, which lie in one buffer; undefined where more bytes are needed */
  take(maxPackets: number): Taken | undefined;
  /** Bytes pushed that no `take` has looked at yet. */
  waitingBytes(): number;
}

export type Taken =
  | { kind: 'packets'; bytes: Buffer; publishes: number }
  | { kind: 'fault'; reason: Extract<RefusalReason, 'packet-too-large' | 'packet-malformed' | 'packet-unexpected'> };

/** The largest remaining length that a first byte may declare, or undefined where such a packet may not come now. */
export type LengthLimit = (firstByte: number) => number | undefined;

/** No more than this in one batch, bytes, so that one peer's burst does not keep the others waiting. */
const maxBatchBytes = 256 * 1024;
/** A packet that comes in pieces starts with this much memory. */
const firstPieceBytes = 4096;

const publishType = 3;
const incomplete = 0;
const tooLarge = -1;
const malformed = -2;
const unexpected = -3;
const faultReasons = {
  [tooLarge]: 'packet-too-large',
  [malformed]: 'packet-malformed',
  [unexpected]: 'packet-unexpected',
} as const;
type Fault = keyof typeof faultReasons;

/** A packet whose bytes lie in several chunks: they are gathered here. */
interface Partial {
  buffer: Buffer;
  length: number;
  /** Bytes of the whole packet; `incomplete` while the fixed header itself is not there. */
  total: number;
}

export function createPacketSplitter(limitOf: LengthLimit): PacketSplitter {
  const chunks: Buffer[] = [];
  let waiting = 0;
  let partial: Partial | undefined;

  function drop(chunk: Buffer, bytes: number): void {
    waiting -= bytes;
    if (bytes === chunk.length) chunks.shift();
    else chunks[0] = chunk.subarray(bytes);
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      waiting += chunk.length;
    },
    take(maxPackets) {
      for (let chunk = chunks[0]; chunk !== undefined; chunk = chunks[0]) {
        if (partial !== undefined) {
          drop(chunk, gather(partial, chunk, limitOf));
          if (isFault(partial.total)) return { kind: 'fault', reason: faultReasons[partial.total] };
          if (partial.total === incomplete || partial.length < partial.total) continue;
          const { buffer } = partial;
          partial = undefined;
          return { kind: 'packets', bytes: buffer, publishes: publishesIn(buffer, 0) };
        }
        const scan = scanWhole(chunk, maxPackets, limitOf);
        if (scan.end > 0) {
          drop(chunk, scan.end);
          return { kind: 'packets', bytes: chunk.subarray(0, scan.end), publishes: scan.publishes };
        }
        if (isFault(scan.next)) return { kind: 'fault', reason: faultReasons[scan.next] };
        partial = { buffer: Buffer.alloc(0), length: 0, total: scan.next };
      }
      return undefined;
    },
    waitingBytes: () => waiting,
  };
}

/** @returns where the last whole packet ends, and what `packetBytes` says of the one after it */
function scanWhole(
  chunk: Buffer,
  maxPackets: number,
  limitOf: LengthLimit,
): { end: number; publishes: number; next: number } {
  let end = 0;
  let publishes = 0;
  let next = incomplete;
  for (let packets = 0; packets < maxPackets && end < chunk.length && end < maxBatchBytes; packets += 1) {
    next = packetBytes(chunk, end, chunk.length, limitOf);
    if (next <= 0 || end + next > chunk.length) break;
    publishes += publishesIn(chunk, end);
    end += next;
  }
  return { end, publishes, next };
}

/** Copies what the partial packet still needs out of a chunk. @returns how many bytes that were */
function gather(partial: Partial, chunk: Buffer, limitOf: LengthLimit): number {
  let used = 0;
  while (partial.total === incomplete && used < chunk.length) {
    partial.buffer = Buffer.concat([partial.buffer.subarray(0, partial.length), chunk.subarray(used, used + 1)]);
    partial.length += 1;
    used += 1;
    partial.total = packetBytes(partial.buffer, 0, partial.length, limitOf);
  }
  if (partial.total <= 0) return used;
  const bytes = Math.min(partial.total - partial.length, chunk.length - used);
  reserve(partial, partial.length + bytes);
  chunk.copy(partial.buffer, partial.length, used, used + bytes);
  partial.length += bytes;
  return used + bytes;
}

/** Grows by doubling: memory follows the bytes that came, never the length that was declared. */
function reserve(partial: Partial, bytes: number): void {
  if (bytes <= partial.buffer.length) return;
  const size = Math.min(partial.total, Math.max(firstPieceBytes, bytes * 2));
  const buffer = Buffer.allocUnsafeSlow(size);
  partial.buffer.copy(buffer, 0, 0, partial.length);
  partial.buffer = buffer;
}

/** @returns the bytes of the packet at `start`, fixed header and all; `incomplete` or a fault */
function packetBytes(bytes: Buffer, start: number, end: number, limitOf: LengthLimit): number {
  const first = bytes[start];
  if (first === undefined || start >= end) return incomplete;
  const limit = limitOf(first);
  if (limit === undefined) return unexpected;
  let remaining = 0;
  for (let i = 0; i < 4; i += 1) {
    const at = start + 1 + i;
    const byte = bytes[at];
    if (byte === undefined || at >= end) return incomplete;
    remaining += (byte & 0x7f) * 128 ** i;
    if (remaining > limit) return tooLarge;
    if (byte < 0x80) return 2 + i + remaining;
  }
  return malformed;
}

function publishesIn(bytes: Buffer, start: number): number {
  return (bytes[start] ?? 0) >> 4 === publishType ? 1 : 0;
}

function isFault(total: number): total is Fault {
  return total < 0;
}
