import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFleetError } from '../runtime/errors.ts';
import { arbitraryChunk, resealed, sampleHeader, sealed } from '../testing/chunks.ts';
import { chunkStepBytes } from './chunk-place.ts';
import { type ChunkHeader, headerBytes, openChunk } from './tensor-frame.ts';

/** CRC-32 as IEEE 802.3 defines it, bit by bit. */
function crcByDefinition(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

function codeOf(bytes: Uint8Array): string {
  try {
    openChunk(bytes);
    return 'accepted';
  } catch (error) {
    return isFleetError(error) ? error.code : `no FleetError: ${String(error)}`;
  }
}

/** The error code of a chunk of which these fields lie, checksum right. */
function codeWith(fields: Partial<ChunkHeader>, payload = new Uint8Array(16)): string {
  return codeOf(sealed({ ...sampleHeader, ...fields }, payload));
}

describe('a chunk', () => {
  test('comes out of its bytes as it went in', () => {
    fc.assert(
      fc.property(arbitraryChunk, ({ header, payload }) => {
        const opened = openChunk(sealed(header, payload));
        expect(opened.header).toEqual(header);
        expect(Buffer.from(opened.payload)).toEqual(Buffer.from(payload));
      }),
    );
  });

  test('has every field at the offset that the grammar gives', () => {
    const header: ChunkHeader = {
      kind: 'reply',
      boot: 0x0102_0304,
      sequence: 0x0506_0708,
      model: '0011223344556677',
      exit: 3,
      partition: 0x0910,
      direction: 'edge-first',
      tensorIndex: 1,
      tensorCount: 2,
      encoding: 'u8',
      dims: [1, 3],
      scale: 0.5,
      offset: -2,
      tensorBytes: 3,
      byteOffset: 2,
      chunkIndex: 1,
      chunkCount: 2,
      timeLeftUs: 0x1112_1314,
      status: 'overloaded',
      spreadUs: 0x1516_1718,
      spreadBytes: 0x191a_1b1c,
      queueUs: 0x1d1e_1f20,
      computeUs: 0x2122_2324,
      totalUs: 0x2526_2728,
    };
    const golden = [
      '4546 01 02 00000000 04030201 08070605 0011223344556677',
      '03 01 1009 01 02 02 02 0000003f 000000c0 03000000 02000000 0100 0200 14131211',
      '02 000000 18171615 1c1b1a19 201f1e1d 24232221 28272625',
      '01000000 03000000 ff',
    ];
    const expected = Buffer.from(golden.join('').replaceAll(' ', ''), 'hex');
    expected.writeUInt32LE(crcByDefinition(expected), 4);
    expect(sealed(header, Uint8Array.of(0xff)).toString('hex')).toBe(expected.toString('hex'));
  });

  test('is a view of its message, not a copy', () => {
    const message = sealed(sampleHeader, new Uint8Array(16));
    const { payload } = openChunk(message);
    message[message.length - 1] = 7;
    expect(payload.at(-1)).toBe(7);
  });

  test('is not written where a number does not fit its field', () => {
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
    ];
    for (const fields of unfit) {
      expect(() => sealed({ ...sampleHeader, ...fields }, new Uint8Array(16)), JSON.stringify(fields)).toThrow(
        expect.objectContaining({ code: 'frame-invalid' }),
      );
    }
  });
});

describe('a damaged chunk', () => {
  test('is refused when cut off at any length', () => {
    fc.assert(
      fc.property(arbitraryChunk, ({ header, payload }) => {
        const message = sealed(header, payload);
        for (let length = 0; length < message.length; length += 1) {
          const code = codeOf(message.subarray(0, length));
          const allowed = length < headerBytes(header.dims.length) ? ['frame-truncated'] : ['frame-corrupt'];
          expect(allowed).toContain(code);
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
          expect(codeOf(damaged)).toMatch(/^frame-(corrupt|version|invalid|truncated)$/);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('is refused with a frame error, whatever the bytes', () => {
    const noise = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(noise, (bytes) => {
        expect(codeOf(bytes)).toMatch(/^frame-/);
      }),
    );
  });

  test('is accepted or refused with a frame error where the checksum is right and any byte is wrong', () => {
    const place = fc.integer({ min: 8, max: 95 });
    fc.assert(
      fc.property(arbitraryChunk, fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 4 }), (chunk, changes) => {
        const message = sealed(chunk.header, chunk.payload);
        for (const [index, value] of changes) if (index < message.length) message[index] = value;
        expect(codeOf(resealed(message))).toMatch(/^(frame-|accepted)/);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('a chunk with a right checksum that contradicts itself', () => {
  test('of another version is told so', () => {
    const message = sealed(sampleHeader, new Uint8Array(16));
    message[2] = 2;
    expect(codeOf(resealed(message))).toBe('frame-version');
  });

  test('of unknown kind, direction, encoding or status is invalid', () => {
    for (const [place, value] of [
      [0, 0x46],
      [3, 0],
      [3, 5],
      [25, 2],
      [30, 3],
      [56, 5],
    ] as const) {
      const message = sealed(sampleHeader, new Uint8Array(16));
      message[place] = value;
      expect(codeOf(resealed(message))).toBe('frame-invalid');
    }
  });

  test('of a rank beyond 8, or of more dimensions than bytes, is truncated', () => {
    for (const rank of [9, 255, 8]) {
      const message = sealed(sampleHeader, new Uint8Array(16));
      message[31] = rank;
      expect(codeOf(resealed(message))).toBe('frame-truncated');
    }
  });

  test('is invalid where shape, counts, places or parameters do not agree', () => {
    const lies: Partial<ChunkHeader>[] = [
      { dims: [5] },
      { dims: [] },
      { tensorBytes: 20 },
      { tensorBytes: 17, encoding: 'u8', dims: [16] },
      { status: 'expired', tensorBytes: 6, dims: [] },
      { chunkIndex: 1 },
      { chunkCount: 0 },
      { tensorIndex: 1 },
      { tensorCount: 0 },
      { byteOffset: 4 },
      { byteOffset: 0xffff_ffff },
      { scale: Number.NaN },
      { offset: Number.POSITIVE_INFINITY },
    ];
    for (const fields of lies) expect(codeWith(fields), JSON.stringify(fields)).toBe('frame-invalid');
    expect(codeWith({}, new Uint8Array(12))).toBe('frame-invalid');
    expect(codeWith({}, new Uint8Array(20))).toBe('frame-invalid');
  });

  test('is invalid where it ends inside an element or counts chunks that carry nothing', () => {
    const two = { dims: [8], tensorBytes: 32, chunkCount: 2 };
    expect(codeWith({ ...two, byteOffset: 0 }, new Uint8Array(18))).toBe('frame-invalid');
    expect(codeWith({ ...two, chunkIndex: 1, byteOffset: 18 }, new Uint8Array(14))).toBe('frame-invalid');
    expect(codeWith({ ...two, chunkCount: 9 }, new Uint8Array(4))).toBe('frame-invalid');
    expect(codeWith({ dims: [0], tensorBytes: 0, chunkCount: 3 }, new Uint8Array(0))).toBe('frame-invalid');
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
