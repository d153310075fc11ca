import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Frame } from '../model/frame.ts';
import { FleetError, messageOf } from '../runtime/errors.ts';

/** Which records of a file to read; all of them where nothing is said. */
export interface RecordRange {
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
}

const side = 32;
const pixels = side * side;
const channels = 3;
const recordBytes = 1 + channels * pixels;
/** More than the training set needs once it is decompressed. */
const largestFileBytes = 512 * 1024 * 1024;

/**
 * Reads CIFAR-10's binary files: records of 3,073 bytes without a header, the label and then a plane of 32 × 32 bytes
 * for red, green and blue. A name that ends in .xz is decompressed by the `xz` program.
 * @throws {FleetError} `image-unreadable`
 */
export async function readCifar10(path: string, { offset = 0, limit }: RecordRange = {}): Promise<Frame[]> {
  const bytes = await (path.endsWith('.xz') ? decompressed(path) : plain(path));
  const last = limit === undefined ? bytes.byteLength : Math.min(bytes.byteLength, (offset + limit) * recordBytes);
  const frames: Frame[] = [];
  for (let start = offset * recordBytes; start < last; start += recordBytes) {
    frames.push(toFrame(bytes.subarray(start, start + recordBytes), `${path}#${start / recordBytes}`));
  }
  return frames;
}

function toFrame(record: Uint8Array, name: string): Frame {
  const rgb = new Uint8Array(channels * pixels);
  for (let channel = 0; channel < channels; channel += 1) {
    const plane = 1 + channel * pixels;
    for (let pixel = 0; pixel < pixels; pixel += 1) rgb[pixel * channels + channel] = record[plane + pixel] ?? 0;
  }
  return { rgb, width: side, height: side, label: record[0] ?? 0, name };
}

async function plain(path: string): Promise<Uint8Array> {
  try {
    return checked(path, await readFile(path));
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError('image-unreadable', `${path}: ${messageOf(cause)}`, { cause });
  }
}

async function decompressed(path: string): Promise<Uint8Array> {
  try {
    const options = { encoding: 'buffer', maxBuffer: largestFileBytes } as const;
    const { stdout } = await promisify(execFile)('xz', ['--decompress', '--stdout', '--', path], options);
    return checked(path, stdout);
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const advice = missing ? 'the program xz is not installed: install it or decompress the file' : messageOf(cause);
    throw new FleetError('image-unreadable', `${path}: ${advice}`, { cause });
  }
}

function checked(path: string, bytes: Uint8Array): Uint8Array {
  const size = bytes.byteLength;
  if (size > 0 && size % recordBytes === 0) return bytes;
  throw new FleetError('image-unreadable', `${path} has ${size} bytes: no whole number of ${recordBytes}-byte records`);
}
