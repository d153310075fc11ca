import { includesRange } from '../../shared/protocol/sequence-ranges.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { type BacklogReaderOptions, createBacklogReader, type Piece } from './backlog-reader.ts';
import { type Batch, type BatchSource, fitting } from './batch.ts';
import type { Spool } from './spool.ts';

/**
 * What waits on disk, oldest first: of earlier boots, and of this one what is no longer in memory.
 * INVARIANT: at most one piece of a segment is in memory, and the next is read when all of it is accepted.
 */
export interface BacklogOptions extends BacklogReaderOptions {
  spool: Pick<Spool, 'boot' | 'segmentFrom' | 'read' | 'held' | 'nextLoss'>;
  /** There is something to be peeked. */
  onReady: () => void;
}

/** A segment that cannot be read so often in a row is given up: the disk will not have mended itself. */
const readAttempts = 5;

export function createBacklog(options: BacklogOptions): BatchSource {
  const { spool, onReady, log } = options;
  const reader = createBacklogReader(options);
  let piece: Piece | undefined;
  let isReading = false;
  let failures = 0;

  function look(): void {
    if (isReading || piece !== undefined) return;
    isReading = true;
    reader.next().then(found, failed);
  }

  function found(next: Piece | undefined): void {
    isReading = false;
    failures = 0;
    piece = next;
    if (next !== undefined) onReady();
  }

  function failed(error: unknown): void {
    isReading = false;
    log.warn({ reason: messageOf(error) }, 'stored telemetry cannot be read');
    failures = (failures + 1) % readAttempts;
    if (failures === 0) reader.skip();
  }

  function peekPiece({ boot, covers, reports }: Piece, limitBytes: number): Batch | undefined {
    const held = spool.held(boot);
    if (held === undefined) return { boot, covers: undefined, reports: [] };
    const open = reports.filter(({ sequence }) => !includesRange(held, { first: sequence, last: sequence }));
    const taken = fitting(open, limitBytes);
    const last = taken.length === open.length ? covers.last : (taken.at(-1)?.sequence ?? covers.last);
    const batch = { boot, covers: { first: covers.first, last }, reports: taken };
    if (!includesRange(held, batch.covers)) return batch;
    accepted(batch);
    return undefined;
  }

  function accepted({ boot, covers }: Batch): void {
    if (covers === undefined || piece?.boot !== boot) return;
    reader.pass(boot, covers.last);
    const rest = { first: covers.last + 1, last: piece.covers.last };
    const reports = piece.reports.filter(({ sequence }) => sequence > covers.last);
    piece = rest.first > rest.last ? undefined : { boot, covers: rest, reports };
    look();
  }

  return {
    peek(limitBytes) {
      if (piece !== undefined) return peekPiece(piece, limitBytes);
      const loss = spool.nextLoss();
      if (loss !== undefined) return { boot: loss.boot, covers: { first: 1, last: loss.through }, reports: [] };
      look();
      return undefined;
    },
    accepted,
  };
}
