import type { Clock } from '../shared/runtime/clock.ts';
import type { Link } from './link.ts';

/**
 * What waits for one peer.
 * INVARIANT: one send is under way at a time, of a bounded size, so that its end is progress that can be seen.
 */
export interface SendQueue {
  push(chunks: readonly Buffer[]): void;
  /** Bytes that the kernel has not taken. */
  unsentBytes(): number;
  /** @returns how long nothing was taken of what waits, ms; 0 where nothing waits */
  stalledMs(nowMs: number): number;
}

const maxSendBytes = 256 * 1024;
/**
 * Smaller chunks are copied together: one write instead of five for a packet, and a short message cannot keep the
 * 64 KiB alive in which it arrived.
 */
const smallBytes = 4096;

export function createSendQueue({ link, clock, onSent }: { link: Link; clock: Clock; onSent: () => void }): SendQueue {
  let pieces: Buffer[] = [];
  let unsent = 0;
  let sending = false;
  let progressMs = clock.nowMs();

  function flush(): void {
    if (sending || pieces.length === 0) return;
    const { batch, rest, bytes } = cutBatch(pieces);
    pieces = rest;
    sending = true;
    link.send(batch, () => {
      sending = false;
      unsent -= bytes;
      progressMs = clock.nowMs();
      flush();
      onSent();
    });
  }

  return {
    push(chunks) {
      if (unsent === 0) progressMs = clock.nowMs();
      for (const piece of joinSmall(chunks)) {
        pieces.push(piece);
        unsent += piece.length;
      }
      flush();
    },
    unsentBytes: () => unsent,
    stalledMs: (nowMs) => (unsent === 0 ? 0 : nowMs - progressMs),
  };
}

function joinSmall(chunks: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  let start = 0;
  for (let i = 0; i <= chunks.length; i += 1) {
    const chunk = chunks[i];
    if (chunk !== undefined && chunk.length < smallBytes) continue;
    if (i > start) joined.push(Buffer.concat(chunks.slice(start, i)));
    if (chunk !== undefined) joined.push(chunk);
    start = i + 1;
  }
  return joined;
}

function cutBatch(pieces: Buffer[]): { batch: Buffer[]; rest: Buffer[]; bytes: number } {
  let bytes = 0;
  for (const [i, piece] of pieces.entries()) {
    const room = maxSendBytes - bytes;
    if (piece.length > room) {
      const batch = [...pieces.slice(0, i), piece.subarray(0, room)];
      return { batch, rest: [piece.subarray(room), ...pieces.slice(i + 1)], bytes: maxSendBytes };
    }
    bytes += piece.length;
  }
  return { batch: pieces, rest: [], bytes };
}
