import { mkdir, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../shared/runtime/log.ts';
import { decodeHeader, decodeRecords, headerBytes } from './segment.ts';

/** A segment that holds reports. */
export interface Segment {
  /** Later segments have higher ones, over all boots. */
  readonly ordinal: number;
  readonly path: string;
  readonly boot: number;
  /** Numbers of its first and last report; those between are all there. */
  first: number;
  last: number;
  /** Of the file, as far as it is whole. */
  bytes: number;
}

const namePattern = /^(\d{10})\.spool$/;

export function segmentPath(folder: string, ordinal: number): string {
  return join(folder, `${String(ordinal).padStart(10, '0')}.spool`);
}

/**
 * Finds what an earlier process left. A record that was not written to its end, as a power cut leaves it, is cut off
 * with all behind it; a file without any report is removed.
 * @returns the segments, oldest first
 */
export async function openSegments(folder: string, log: Pick<Log, 'warn'>): Promise<Segment[]> {
  await mkdir(folder, { recursive: true });
  const ordinals = (await readdir(folder)).flatMap((name) => {
    const digits = namePattern.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  const segments: Segment[] = [];
  for (const ordinal of ordinals.sort((one, other) => one - other)) {
    const segment = await openSegment(ordinal, segmentPath(folder, ordinal), log);
    if (segment !== undefined) segments.push(segment);
  }
  return segments;
}

async function openSegment(ordinal: number, path: string, log: Pick<Log, 'warn'>): Promise<Segment | undefined> {
  const content = await readFile(path);
  const boot = decodeHeader(content);
  const { reports, bytes } = decodeRecords(content.subarray(boot === undefined ? content.length : headerBytes));
  const [first, last] = [reports[0], reports.at(-1)];
  const wholeBytes = first === undefined ? 0 : headerBytes + bytes;
  if (wholeBytes < content.length && content.length > headerBytes) {
    log.warn({ path, bytes: content.length - wholeBytes }, 'telemetry that was not written whole is cut off');
  }
  if (boot === undefined || first === undefined || last === undefined) {
    await rm(path, { force: true });
    return undefined;
  }
  if (wholeBytes < content.length) await truncate(path, wholeBytes);
  return { ordinal, path, boot, first: first.sequence, last: last.sequence, bytes: wholeBytes };
}
