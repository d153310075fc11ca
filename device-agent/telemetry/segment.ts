import { crc32 } from 'node:zlib';

/**
 * One file of the spool: reports of one boot, in the order of their numbers.
 *
 *   segment = header record*
 *   header  = "ETS1" u32 boot
 *   record  = u32 length  u32 checksum  u32 sequence  length × u8: a report as JSON
 *
 * All numbers are little-endian; the checksum is the CRC-32 of sequence and report.
 */
const magic = Buffer.from('ETS1');
export const headerBytes = magic.length + 4;
const recordHeaderBytes = 12;
/** No report is longer: a length beyond is no length. */
export const maxRecordBytes = 64 << 10;

/** A report with the number that it has in its boot. */
export interface SpooledReport {
  sequence: number;
  /** JSON, with the number in it. */
  json: string;
}

export function encodeHeader(boot: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(boot, magic.length);
  return bytes;
}

/** @returns the boot; undefined where this is no segment */
export function decodeHeader(bytes: Buffer): number | undefined {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  return bytes.readUInt32LE(magic.length);
}

export function encodeRecord({ sequence, json }: SpooledReport): Buffer {
  const payload = Buffer.from(json);
  const bytes = Buffer.alloc(recordHeaderBytes + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(sequence, 8);
  payload.copy(bytes, recordHeaderBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** @returns what a report takes on disk */
export function recordBytes({ json }: SpooledReport): number {
  return recordHeaderBytes + Buffer.byteLength(json);
}

export interface Decoded {
  reports: SpooledReport[];
  /** Bytes of the whole and undamaged records at the beginning; what follows is cut off, damaged, or not there yet. */
  bytes: number;
}

/** Decodes records for as long as they are whole. @param bytes from the beginning of a record on */
export function decodeRecords(bytes: Buffer): Decoded {
  const reports: SpooledReport[] = [];
  let at = 0;
  while (at + recordHeaderBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + recordHeaderBytes + length;
    if (length > maxRecordBytes || end > bytes.length) break;
    if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) break;
    reports.push({ sequence: bytes.readUInt32LE(at + 8), json: bytes.toString('utf8', at + recordHeaderBytes, end) });
    at = end;
  }
  return { reports, bytes: at };
}
