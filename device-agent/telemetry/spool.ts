import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { countMissing, includesRange, type SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import type { NewReport } from '../../shared/protocol/telemetry.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { atMostEvery } from '../../shared/runtime/throttle.ts';
import { type Loss, type Losses, openLosses } from './losses.ts';
import {
  type Decoded,
  decodeRecords,
  headerBytes,
  maxRecordBytes,
  recordBytes,
  type SpooledReport,
} from './segment.ts';
import { openSegments, type Segment } from './segment-files.ts';
import { createSegmentWriter } from './segment-writer.ts';

/**
 * Reports on disk until the control plane has them.
 * INVARIANTS: a report has its number once and keeps it; what `append` resolved with survives the end of the process,
 * and a power cut once `sync` has resolved; the files take at most `maxBytes`: the oldest go, and what is lost by it is
 * told to the control plane and logged; a disk that fails costs reports, never frames. Operations run one after the
 * other.
 */
export interface Spool {
  readonly boot: number;
  /** @returns the reports with their numbers, also where the disk took none of them */
  append(reports: readonly NewReport[]): Promise<SpooledReport[]>;
  /** The number that the next report gets. */
  nextSequence(): number;
  /** @returns the oldest segment whose ordinal is not lower */
  segmentFrom(ordinal: number): Readonly<Segment> | undefined;
  /** Reads some reports of a segment. @param offset of a record, or 0 @returns them, and the offset behind them */
  read(ordinal: number, offset: number): Promise<Decoded>;
  /** What the control plane has of a boot; undefined before it was heard of in this process. */
  held(boot: number): readonly SequenceRange[] | undefined;
  /** Removes what is no longer needed. */
  acknowledge(boot: number, held: readonly SequenceRange[]): Promise<void>;
  /** Of which boot reports were dropped that the control plane has not counted yet. */
  nextLoss(): Loss | undefined;
  /** Brings what the control plane does not have yet to the disk itself. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolOptions {
  folder: string;
  boot: number;
  /** Of all segments together. */
  maxBytes: number;
  clock: Clock;
  log: Log;
}

/** Parts into which the room is cut: so much is dropped at once. */
const segmentsInAll = 32;
const readBytes = 2 * maxRecordBytes;
const complainMs = 60_000;

/** @throws Error of the file system where the folder cannot be made or read */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { folder, boot, maxBytes, clock, log } = options;
  const segments = await openSegments(folder, log);
  const losses = await openLosses(join(folder, 'dropped.json'), log);
  const complain = atMostEvery(complainMs, clock, (error: unknown) =>
    log.error({ folder, reason: messageOf(error) }, 'the disk fails: telemetry is lost unless it is delivered soon'),
  );
  const writer = createSegmentWriter({
    folder,
    boot,
    firstOrdinal: (segments.at(-1)?.ordinal ?? 0) + 1,
    segmentBytes: Math.floor(maxBytes / segmentsInAll),
    onSegment: (segment) => void segments.push(segment),
  });
  const held = new Map<number, readonly SequenceRange[]>();
  const room = createRoom({ segments, losses, held, writer, maxBytes, log });
  await room.removeDropped();
  const serially = createSequence();
  let sequence = 0;

  async function store(reports: readonly SpooledReport[]): Promise<void> {
    try {
      await room.make(reports);
      await writer.write(reports);
    } catch (error) {
      complain(error);
    }
  }

  /** What the control plane has need not outlive a power cut here: a device that is online seldom waits for its disk. */
  async function sync(): Promise<void> {
    const active = writer.active();
    if (active !== undefined && !includesRange(held.get(boot) ?? [], active)) await writer.sync();
  }

  return {
    boot,
    append(reports) {
      const numbered = reports.map((report) => {
        sequence += 1;
        return { sequence, json: JSON.stringify({ ...report, sequence }) };
      });
      return serially(async () => {
        if (numbered.length > 0) await store(numbered);
        return numbered;
      });
    },
    nextSequence: () => sequence + 1,
    segmentFrom: (ordinal) => segments.find((segment) => segment.ordinal >= ordinal),
    read: (ordinal, offset) => serially(() => readSegment(segments, ordinal, offset)),
    held: (ofBoot) => held.get(ofBoot),
    acknowledge(ofBoot, ranges) {
      held.set(ofBoot, ranges);
      return serially(() => room.removeHeld(ofBoot)).catch(complain);
    },
    nextLoss: losses.next,
    sync: () => serially(sync).catch(complain),
    close() {
      return serially(async () => {
        await sync();
        await writer.finish();
        await room.removeHeld(boot);
      }).catch(complain);
    },
  };
}

interface RoomOptions {
  segments: Segment[];
  losses: Losses;
  held: ReadonlyMap<number, readonly SequenceRange[]>;
  writer: { active(): Segment | undefined; finish(): Promise<void> };
  maxBytes: number;
  log: Log;
}

/** Removes segments: those that are delivered, and the oldest where there is no room. */
function createRoom({ segments, losses, held, writer, maxBytes, log }: RoomOptions) {
  async function remove(segment: Segment): Promise<void> {
    segments.splice(segments.indexOf(segment), 1);
    await rm(segment.path, { force: true });
  }

  async function drop(segment: Segment): Promise<void> {
    if (segment === writer.active()) await writer.finish();
    const reports = countMissing(held.get(segment.boot) ?? [], segment);
    if (reports > 0) {
      log.warn({ boot: segment.boot, reports }, 'the oldest telemetry is dropped: its room is used up');
      // First the word of it: a process that ends here finds what it is to remove.
      await losses.add({ boot: segment.boot, through: segment.last });
    }
    await remove(segment);
  }

  return {
    /** So that these find room. */
    async make(reports: readonly SpooledReport[]): Promise<void> {
      const bytes = reports.reduce((sum, report) => sum + recordBytes(report), headerBytes);
      for (let oldest = segments[0]; oldest !== undefined; oldest = segments[0]) {
        if (segments.reduce((sum, segment) => sum + segment.bytes, bytes) <= maxBytes) return;
        await drop(oldest);
      }
    },
    /** What a process told the loss of, and did not come to remove. */
    async removeDropped(): Promise<void> {
      for (const segment of [...segments]) if (segment.last <= losses.of(segment.boot)) await remove(segment);
    },
    async removeHeld(boot: number): Promise<void> {
      const ranges = held.get(boot) ?? [];
      for (const segment of [...segments]) {
        if (segment.boot !== boot || segment === writer.active() || !includesRange(ranges, segment)) continue;
        await remove(segment);
      }
      await losses.told(boot, ranges);
    },
  };
}

/** @returns what runs operations one after the other, each whatever became of the one before */
function createSequence(): <T>(operation: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (operation) => {
    const result = last.then(operation);
    last = result.catch(() => undefined);
    return result;
  };
}

async function readSegment(segments: readonly Segment[], ordinal: number, offset: number): Promise<Decoded> {
  const segment = segments.find((each) => each.ordinal === ordinal);
  if (segment === undefined) return { reports: [], bytes: offset };
  const from = Math.max(offset, headerBytes);
  const handle = await open(segment.path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(readBytes, segment.bytes - from));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    const { reports, bytes } = decodeRecords(buffer.subarray(0, bytesRead));
    return { reports, bytes: from + bytes };
  } finally {
    await handle.close();
  }
}
