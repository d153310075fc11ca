import { type FileHandle, open, rm } from 'node:fs/promises';
import { encodeHeader, encodeRecord, headerBytes, type SpooledReport } from './segment.ts';
import { type Segment, segmentPath } from './segment-files.ts';

/**
 * Appends reports to segments, a new one whenever the last is full or failed.
 * INVARIANT: what a failed write left in a segment never stands between whole records. One call at a time.
 */
export interface SegmentWriter {
  /** What is written to now; undefined: the next report begins a segment. */
  active(): Segment | undefined;
  /** @param reports at least one @throws Error of the file system: none of them counts as written */
  write(reports: readonly SpooledReport[]): Promise<void>;
  /** Brings what is written to the disk itself. */
  sync(): Promise<void>;
  /** Ends the segment that is written to. */
  finish(): Promise<void>;
}

export interface SegmentWriterOptions {
  folder: string;
  boot: number;
  firstOrdinal: number;
  /** A segment of this size is full. */
  segmentBytes: number;
  /** Told of a segment once it holds a report. */
  onSegment: (segment: Segment) => void;
}

export function createSegmentWriter(options: SegmentWriterOptions): SegmentWriter {
  const { folder, boot, segmentBytes, onSegment } = options;
  let nextOrdinal = options.firstOrdinal;
  let active: { segment: Segment; handle: FileHandle; isSynced: boolean } | undefined;

  async function begin(first: number): Promise<NonNullable<typeof active>> {
    const ordinal = nextOrdinal;
    nextOrdinal += 1;
    const path = segmentPath(folder, ordinal);
    const handle = await open(path, 'ax', 0o600);
    try {
      await handle.appendFile(encodeHeader(boot));
      await syncFolder(folder);
    } catch (error) {
      await handle.close();
      await rm(path, { force: true });
      throw error;
    }
    const segment = { ordinal, path, boot, first, last: first - 1, bytes: headerBytes };
    return { segment, handle, isSynced: true };
  }

  async function abandon({ segment, handle }: NonNullable<typeof active>): Promise<void> {
    active = undefined;
    await handle.truncate(segment.bytes).finally(() => handle.close());
    if (segment.last < segment.first) await rm(segment.path, { force: true });
  }

  async function sync(): Promise<void> {
    if (active === undefined || active.isSynced) return;
    await active.handle.datasync();
    active.isSynced = true;
  }

  async function finish(): Promise<void> {
    await sync();
    const finished = active;
    active = undefined;
    await finished?.handle.close();
  }

  return {
    active: () => active?.segment,
    async write(reports) {
      const bytes = Buffer.concat(reports.map(encodeRecord));
      const current = active ?? (await begin(reports[0]?.sequence ?? 0));
      active = current;
      try {
        await current.handle.appendFile(bytes);
      } catch (error) {
        await abandon(current);
        throw error;
      }
      const { segment } = current;
      if (segment.last < segment.first) onSegment(segment);
      current.isSynced = false;
      segment.last += reports.length;
      segment.bytes += bytes.length;
      if (segment.bytes >= segmentBytes) await finish();
    },
    sync,
    finish,
  };
}

/** So that a new file is still there after a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
