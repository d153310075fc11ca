import { includesRange, type SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { SpooledReport } from './segment.ts';
import type { Segment } from './segment-files.ts';
import type { Spool } from './spool.ts';

/** A piece of a segment. */
export interface Piece {
  boot: number;
  /** The numbers that it stands for. */
  covers: SequenceRange;
  /** Those of them that are there. */
  reports: readonly SpooledReport[];
}

/**
 * Reads what waits on disk, piece by piece, oldest first.
 * INVARIANT: between what was passed and a piece nothing is left out that is on disk: what is missing there is lost.
 */
export interface BacklogReader {
  /** @returns the next piece; undefined: there is none now. One call at a time, each piece passed before the next */
  next(): Promise<Piece | undefined>;
  /** All of a boot up to this number is delivered, or was told to be lost. */
  pass(boot: number, through: number): void;
  /** Gives up the segment that it stands in. */
  skip(): void;
}

export interface BacklogReaderOptions {
  spool: Pick<Spool, 'boot' | 'segmentFrom' | 'read' | 'held'>;
  /** Number of this boot's oldest report that is not the backlog's. */
  liveFrom: () => number;
  log: Pick<Log, 'warn'>;
}

export function createBacklogReader({ spool, liveFrom, log }: BacklogReaderOptions): BacklogReader {
  let place = { ordinal: 0, offset: 0 };
  const passed = new Map<number, number>();
  const passedOf = (boot: number): number => passed.get(boot) ?? 0;

  async function next(): Promise<Piece | undefined> {
    for (;;) {
      const segment = spool.segmentFrom(place.ordinal);
      if (segment === undefined || isPassed(segment)) return gap();
      const { ordinal, boot } = segment;
      if (ordinal > place.ordinal) place = { ordinal, offset: 0 };
      const { reports, bytes } = await spool.read(ordinal, place.offset);
      const before = boot === spool.boot ? liveFrom() : Number.POSITIVE_INFINITY;
      const isAllOlder = reports.every(({ sequence }) => sequence < before);
      if (isAllOlder) place = { ordinal, offset: bytes };
      const news = reports.filter(({ sequence }) => sequence < before && sequence > passedOf(boot));
      const last = news.at(-1)?.sequence;
      if (last !== undefined) return { boot, covers: { first: passedOf(boot) + 1, last }, reports: news };
      if (!isAllOlder) return gap();
      if (reports.length === 0 && !goOn(segment)) return gap();
    }
  }

  /** At the end of a segment. @returns whether there may be another one; more may come into the newest of this boot */
  function goOn({ ordinal, boot, path, bytes }: Segment): boolean {
    const isThere = spool.segmentFrom(ordinal)?.ordinal === ordinal;
    if (isThere && place.offset < bytes) log.warn({ path }, 'stored telemetry is damaged and passed over');
    if (boot === spool.boot && spool.segmentFrom(ordinal + 1) === undefined) return false;
    place = { ordinal: ordinal + 1, offset: 0 };
    return true;
  }

  /** Whether nothing in it or behind it is the backlog's. */
  function isPassed({ boot, first, last }: Segment): boolean {
    if (boot !== spool.boot) return false;
    const wanted = { first: passedOf(boot) + 1, last: liveFrom() - 1 };
    if (first > wanted.last || wanted.first > wanted.last) return true;
    // While the control plane has it all there is nothing to be read.
    return last >= wanted.last && includesRange(spool.held(boot) ?? [], wanted);
  }

  /** What of this boot is neither in memory nor on disk: the disk would not take it. */
  function gap(): Piece | undefined {
    const { boot } = spool;
    const covers = { first: passedOf(boot) + 1, last: liveFrom() - 1 };
    return covers.last < covers.first ? undefined : { boot, covers, reports: [] };
  }

  return {
    next,
    pass: (boot, through) => void passed.set(boot, through),
    skip() {
      place = { ordinal: place.ordinal + 1, offset: 0 };
    },
  };
}
