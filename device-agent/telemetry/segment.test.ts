import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHeader, decodeRecords, encodeHeader, encodeRecord, headerBytes, maxRecordBytes } from './segment.ts';

const report = fc.record({ sequence: fc.integer({ min: 1, max: 2 ** 32 - 1 }), json: fc.json() });

test('records come back as they were', () => {
  fc.assert(
    fc.property(fc.array(report, { maxLength: 8 }), (reports) => {
      const bytes = Buffer.concat(reports.map(encodeRecord));
      expect(decodeRecords(bytes)).toEqual({ reports, bytes: bytes.length });
    }),
  );
});

test('wherever it is cut, the records before the cut are read and nothing else', () => {
  const reports = [1, 2, 3].map((sequence) => ({ sequence, json: JSON.stringify({ sequence, text: 'é'.repeat(9) }) }));
  const records = reports.map(encodeRecord);
  const bytes = Buffer.concat(records);
  const size = records[0]?.length ?? 0;
  for (let length = 0; length <= bytes.length; length += 1) {
    const whole = Math.floor(length / size);
    expect(decodeRecords(bytes.subarray(0, length))).toEqual({ reports: reports.slice(0, whole), bytes: whole * size });
  }
});

test('whichever bit is flipped, the record that it belongs to is not read', () => {
  const reports = [1, 2].map((sequence) => ({ sequence, json: '{"a":1}' }));
  const bytes = Buffer.concat(reports.map(encodeRecord));
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const flipped = Buffer.from(bytes);
    const byte = bit >> 3;
    flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << (bit & 7)), byte);
    const kept = byte < bytes.length / 2 ? 0 : 1;
    expect(decodeRecords(flipped).reports).toEqual(reports.slice(0, kept));
  }
});

test('a length beyond any report is no length', () => {
  const bytes = encodeRecord({ sequence: 1, json: 'x'.repeat(maxRecordBytes + 1) });
  expect(decodeRecords(bytes)).toEqual({ reports: [], bytes: 0 });
});

test('a header names its boot; what has none is no segment', () => {
  expect(decodeHeader(encodeHeader(2 ** 32 - 1))).toBe(2 ** 32 - 1);
  expect(encodeHeader(7)).toHaveLength(headerBytes);
  for (const bad of [Buffer.alloc(0), Buffer.from('ETS1abc'), Buffer.from('ETS2abcd'), Buffer.alloc(64)]) {
    expect(decodeHeader(bad)).toBeUndefined();
  }
});
