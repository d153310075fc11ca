import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFleetError } from '../runtime/errors.ts';
import { arbitraryChunk, resealed, sampleHeader, sealed } from '../testing/chunks.ts';
import { chunkStepBytes } from './chunk-place.ts';
import { type ChunkHeader, headerBytes, noReport, openChunk } from './tensor-frame.ts';

/** CRC-32 as IEEE 802.3 defines it, bit by bit. */
function crcByDefinition(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

/** @returns the bytes of a golden message, with the checksum that they should have */
function golden(...parts: readonly string[]): string {
  const bytes = Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
  bytes.writeUInt32LE(crcByDefinition(bytes), 4);
  return bytes.toString('hex');
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'accepted';
  } catch (error) {
    return isFleetError(error) ? error.code : `no FleetError: ${String(error)}`;
  }
}

const openedCode = (bytes: Uint8Array): string => codeOf(() => openChunk(bytes));

/** Four floats in one chunk, of rank 1: its dimension lies at 40, its payload at 41. */
function sample(): Buffer {
  return sealed(sampleHeader, new Uint8Array(16));
}

/** The error code of a message some of whose bytes lie, checksum right. */
function codeWith(changes: readonly (readonly [at: number, ...bytes: number[]])[], message = sample()): string {
  for (const [at, ...bytes] of changes) message.set(bytes, at);
  return openedCode(resealed(message));
}

describe('a chunk', () => {
  test('comes out of its bytes as it went in', () => {
    fc.assert(
      fc.property(arbitraryChunk, ({ header, payload }) => {
        const message = sealed(header, payload);
        const opened = openChunk(message);
        expect(opened.header).toEqual(header);
        expect(Buffer.from(opened.payload)).toEqual(Buffer.from(payload));
        expect(message).toHaveLength(headerBytes(header) + payload.length);
      }),
    );
  });

  test('of a request has every field at the offset that the grammar gives', () => {
    const header: ChunkHeader = {
      ...sampleHeader,
      kind: 'request',
      boot: 0x0102_0304,
      sequence: 0x0506_0708,
      model: '0011223344556677',
      exit: 3,
      partition: 0x0910,
      direction: 'edge-first',
      tensorIndex: 1,
      tensorCount: 2,
      encoding: 'u8',
      dims: [1, 300],
      scale: 0.5,
      offset: -2,
      tensorBytes: 300,
      byteOffset: 299,
      chunkIndex: 1,
      chunkCount: 2,
      timeLeftUs: 0x1112_1314,
    };
    expect(sealed(header, Uint8Array.of(0xff)).toString('hex')).toBe(
      golden(
        '4546 02 24 00000000 04030201 08070605 1009 03 02 01 02 0100 2b010000',
        '0011223344556677 14131211',
        '0000003f 000000c0',
        '01 ac02 ff',
      ),
    );
  });

  test('of a reply has the worker’s report instead, and parameters of the encoding where it has any', () => {
    const header: ChunkHeader = {
      ...sampleHeader,
      kind: 'reply',
      dims: [2],
      tensorBytes: 4,
      encoding: 'f16',
      status: 'overloaded',
      spreadUs: 0x1516_1718,
      spreadBytes: 0x191a_1b1c,
      queueUs: 0x1d1e_1f20,
      computeUs: 0x2122_2324,
      totalUs: 0x2526_2728,
    };
    expect(sealed(header, Uint8Array.of(1, 2, 3, 4)).toString('hex')).toBe(
      golden(
        '4546 02 11 00000000 07000000 01000000 0000 01 21 00 01 0000 04000000',
        '18171615 1c1b1a19 201f1e1d 24232221 28272625',
        '02 01020304',
      ),
    );
  });

  test('carries no model and no time in a reply, and no report in a request', () => {
    const report = { spreadUs: 1, spreadBytes: 2, queueUs: 3, computeUs: 4, totalUs: 5 };
    const full = { ...sampleHeader, ...report };
    for (const kind of ['request', 'probe'] as const) {
      const { header } = openChunk(sealed({ ...full, kind }, new Uint8Array(16)));
      expect(header).toEqual({ ...full, kind, ...noReport });
    }
    for (const kind of ['reply', 'probe-reply'] as const) {
      const { header } = openChunk(sealed({ ...full, kind }, new Uint8Array(16)));
      expect(header).toEqual({ ...full, kind, model: '', timeLeftUs: 0 });
    }
  });

  test('is a view of its message, not a copy', () => {
    const message = sample();
    const { payload } = openChunk(message);
    message[message.length - 1] = 7;
    expect(payload.at(-1)).toBe(7);
  });

  test('is not written where a number does not fit its field, or contradicts another', () => {
    const unfit: Partial<ChunkHeader>[] = [
      { exit: 256 },
      { tensorCount: 256 },
      { partition: 65_536 },
      { chunkCount: 65_536 },
      { timeLeftUs: -1 },
      { timeLeftUs: 2 ** 32 },
      { totalUs: Number.NaN },
      { dims: [2 ** 32] },
      { dims: [1, 1, 1, 1, 1, 1, 1, 1, 4] },
      { model: '00112233' },
      { model: 'no-hexadecimals!' },
      { dims: [5] },
      { dims: [] },
      { tensorBytes: 20 },
      { tensorBytes: 17, encoding: 'u8', dims: [16] },
      { status: 'expired', tensorBytes: 6, dims: [] },
      { chunkIndex: 1 },
      { chunkCount: 0 },
      { chunkCount: 2 },
      { tensorIndex: 1 },
      { tensorCount: 0 },
      { byteOffset: 4 },
      { byteOffset: 0xffff_ffff },
      { scale: Number.NaN },
      { offset: Number.POSITIVE_INFINITY },
      { scale: 2 },
      { offset: 1 },
    ];
    for (const fields of unfit) {
      const write = () => sealed({ ...sampleHeader, ...fields }, new Uint8Array(16));
      expect(codeOf(write), JSON.stringify(fields)).toBe('frame-invalid');
    }
    for (const bytes of [12, 20]) {
      expect(codeOf(() => sealed(sampleHeader, new Uint8Array(bytes)))).toBe('frame-invalid');
    }
  });
});

describe('a damaged chunk', () => {
  test('is refused when cut off at any length', () => {
    fc.assert(
      fc.property(arbitraryChunk, ({ header, payload }) => {
        const message = sealed(header, payload);
        for (let length = 0; length < message.length; length += 1) {
          expect(openedCode(message.subarray(0, length))).toBe(length < 28 ? 'frame-truncated' : 'frame-corrupt');
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is refused when any single bit is flipped', () => {
    fc.assert(
      fc.property(arbitraryChunk, ({ header, payload }) => {
        const message = sealed(header, payload);
        for (let bit = 0; bit < message.length * 8; bit += 1) {
          const damaged = Buffer.from(message);
          damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(openedCode(damaged)).toMatch(/^frame-(corrupt|version|invalid)$/);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('is refused with a frame error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(openedCode(bytes)).toMatch(/^frame-/);
      }),
    );
  });

  test('is accepted or refused with a frame error where the checksum is right and any byte is wrong', () => {
    const place = fc.integer({ min: 3, max: 90 });
    fc.assert(
      fc.property(arbitraryChunk, fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 4 }), (chunk, changes) => {
        const message = sealed(chunk.header, chunk.payload);
        for (const [index, value] of changes) if (index < message.length) message[index] = value;
        const code = openedCode(resealed(message));
        expect(code).toMatch(/^(frame-|accepted)/);
        // What is accepted has one spelling.
        if (code === 'accepted') expect(respelled(message)).toBe(message.toString('hex'));
      }),
      { numRuns: 5000 },
    );
  });
});

function respelled(message: Buffer): string {
  const { header, payload } = openChunk(message);
  return sealed(header, payload).toString('hex');
}

describe('a chunk with a right checksum that contradicts itself', () => {
  test('of another version is told so, the first one included', () => {
    for (const version of [0, 1, 3, 255]) expect(codeWith([[2, version]])).toBe('frame-version');
  });

  test('of unknown magic, encoding or status, or with a bit that has no meaning, is invalid', () => {
    for (const [at, byte] of [
      [0, 0x46],
      [3, 0x08],
      [3, 0x30],
      [3, 0xf0],
      [19, 0x51],
      [19, 0xf1],
    ] as const) {
      expect(codeWith([[at, byte]]), `${at}: ${byte}`).toBe('frame-invalid');
    }
  });

  test('of a rank beyond 8 is invalid, of more fields or dimensions than bytes truncated', () => {
    for (const rank of [9, 15]) expect(codeWith([[19, rank]])).toBe('frame-invalid');
    const short = sample().subarray(0, 41);
    expect(codeWith([[19, 2]], Buffer.from(short))).toBe('frame-truncated');
    expect(codeWith([[40, 0x84]], Buffer.from(short))).toBe('frame-truncated');
    // As a reply it would have a report, as u8 a scale.
    expect(codeWith([[3, 0x01]], Buffer.from(short))).toBe('frame-truncated');
    expect(codeWith([[3, 0x20]], Buffer.from(short))).toBe('frame-truncated');
  });

  test('is invalid where shape, size, indices or steps do not agree', () => {
    const step = 24;
    const lies: (readonly [number, ...number[]])[][] = [
      [[40, 3]],
      [[40, 0]],
      [[20, 1]],
      [[21, 0]],
      [[22, 1]],
      [[22, 0xff, 0xff]],
      [[step, 0]],
      [[step, 12]],
      [[step, 15]],
      [[step, 20]],
      [[step, 0xff, 0xff, 0xff, 0xff]],
    ];
    for (const lie of lies) expect(codeWith(lie), JSON.stringify(lie)).toBe('frame-invalid');
    const fifth = sealed(
      { ...sampleHeader, encoding: 'u8', dims: [100], tensorBytes: 100, chunkCount: 5 },
      new Uint8Array(20),
    );
    expect(codeWith([[step, 24]], fifth)).toBe('frame-invalid');
    for (const length of [53, 56]) expect(codeWith([], sample().subarray(0, length))).toBe('frame-invalid');
    expect(codeWith([], Buffer.concat([sample(), new Uint8Array(4)]))).toBe('frame-invalid');
  });

  test('is invalid where a dimension is spelled at length, or the shape is too large to be said', () => {
    const spelledAtLength = Buffer.concat([sample().subarray(0, 40), Buffer.of(0x84, 0x00), new Uint8Array(16)]);
    expect(openedCode(resealed(spelledAtLength))).toBe('frame-invalid');
    const giants = Buffer.concat([sample().subarray(0, 40), Buffer.from('ffffffff0f'.repeat(8), 'hex')]);
    expect(codeWith([[19, 8]], giants)).toBe('frame-invalid');
  });

  test('is invalid where scale or offset is no number', () => {
    const message = sealed({ ...sampleHeader, encoding: 'u8', dims: [16] }, new Uint8Array(16));
    for (const at of [40, 44]) {
      for (const float of ['0000c07f', '0000807f', '000080ff']) {
        expect(codeWith([[at, ...Buffer.from(float, 'hex')]], Buffer.from(message))).toBe('frame-invalid');
      }
    }
  });

  test('is invalid where it ends inside an element, or an empty tensor has steps or chunks', () => {
    const half = Buffer.concat([sample().subarray(0, 41), new Uint8Array(10)]);
    expect(codeWith([[24, 10]], half)).toBe('frame-invalid');
    const empty = sealed({ ...sampleHeader, dims: [0], tensorBytes: 0 }, new Uint8Array(0));
    expect(openedCode(empty)).toBe('accepted');
    expect(codeWith([[24, 4]], Buffer.from(empty))).toBe('frame-invalid');
    expect(codeWith([[22, 1]], Buffer.from(empty))).toBe('frame-invalid');
  });

  test('may declare 4 GiB: opening it allocates nothing', () => {
    const message = sealed(
      {
        ...sampleHeader,
        dims: [2 ** 30 - 1],
        tensorBytes: 2 ** 32 - 4,
        chunkCount: 65_533,
        chunkIndex: 65_532,
        byteOffset: 65_532 * 65_540,
      },
      new Uint8Array(12),
    );
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100; i += 1) expect(openChunk(message).header.tensorBytes).toBe(2 ** 32 - 4);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });
});

test('every chunk of a tensor tells the same step', () => {
  fc.assert(
    fc.property(arbitraryChunk, ({ header, payload, stepBytes }) => {
      expect(chunkStepBytes(header, payload.length)).toBe(stepBytes);
    }),
  );
});
