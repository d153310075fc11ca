import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFleetError } from '../runtime/errors.ts';
import { buildChunks, sampleEnvelope, sampleHeader } from '../testing/chunks.ts';
import { createReassembler } from './reassembly.ts';
import { type Chunk, type ChunkHeader, openChunk } from './tensor-frame.ts';

const limits = { maxBytesPerSender: 16_384, maxAgeMs: 1000 };

/** Eight floats in two chunks of four. */
const twoChunks = { dims: [8], tensorBytes: 32, chunkCount: 2 };

function chunk(fields: Partial<ChunkHeader>, payload = new Uint8Array(16)): Chunk {
  return { header: { ...sampleHeader, ...fields }, payload };
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'accepted';
  } catch (error) {
    return isFleetError(error) ? error.code : `no FleetError: ${String(error)}`;
  }
}

describe('a chunk that contradicts an earlier one of its request', () => {
  test('is refused, and the request goes on without it', () => {
    const second = { ...twoChunks, chunkIndex: 1, byteOffset: 16 };
    const lies: Partial<ChunkHeader>[] = [
      { tensorCount: 2 },
      { kind: 'probe' },
      { model: 'ffffffffffffffff' },
      { exit: 2 },
      { partition: 1 },
      { direction: 'edge-first' },
      { encoding: 'u8', dims: [32] },
      { encoding: 'f16', dims: [16] },
      { dims: [2, 4] },
      { dims: [7] },
      { scale: 2 },
      { offset: 1 },
      { status: 'expired' },
    ];
    for (const lie of lies) {
      const reassembler = createReassembler(limits);
      reassembler.accept('a', chunk(twoChunks), 0);
      const lying = chunk({ ...second, ...lie });
      expect(
        codeOf(() => reassembler.accept('a', lying, 0)),
        JSON.stringify(lie),
      ).toBe('frame-invalid');
      expect(reassembler.accept('a', chunk(second), 0)?.tensors).toHaveLength(1);
    }
  });

  test('is refused where it names other sizes of tensor or chunks', () => {
    const reassembler = createReassembler(limits);
    reassembler.accept('a', chunk(twoChunks), 0);
    const larger = chunk(
      { dims: [10], tensorBytes: 40, chunkCount: 2, chunkIndex: 1, byteOffset: 20 },
      new Uint8Array(20),
    );
    const thirds = chunk({ ...twoChunks, chunkCount: 3, chunkIndex: 2, byteOffset: 24 }, new Uint8Array(8));
    const uneven = chunk({ ...twoChunks, chunkIndex: 1, byteOffset: 20 }, new Uint8Array(12));
    for (const lying of [larger, thirds, uneven]) {
      expect(codeOf(() => reassembler.accept('a', lying, 0))).toBe('frame-invalid');
    }
  });
});

describe('a chunk that is not where its index says', () => {
  test('is refused: overlapping chunks never pass for a whole tensor', () => {
    const reassembler = createReassembler(limits);
    reassembler.accept('a', chunk(twoChunks), 0);
    const overlapping = chunk({ ...twoChunks, chunkIndex: 1, byteOffset: 0 });
    expect(codeOf(() => reassembler.accept('a', overlapping, 0))).toBe('frame-invalid');
  });

  test('is refused, and a request of two tensors is not completed by the other one', () => {
    const reassembler = createReassembler(limits);
    const short = chunk({ ...twoChunks, tensorCount: 2, chunkCount: 1 });
    expect(codeOf(() => reassembler.accept('a', short, 0))).toBe('frame-invalid');
    expect(reassembler.accept('a', chunk({ tensorCount: 2, tensorIndex: 1 }), 0)).toBeUndefined();
  });
});

describe('memory of one sender', () => {
  test('gives way to its newest request: the oldest is dropped, and its late chunks start nothing', () => {
    const reassembler = createReassembler(limits);
    const requests = [1, 2, 3].map((sequence) =>
      buildChunks({ ...sampleEnvelope, sequence }, [{ data: new Float32Array(1500), dims: [1500] }]).map(openChunk),
    );
    const [oldest = [], ...newer] = requests;
    for (const first of oldest.slice(0, 1)) reassembler.accept('a', first, 0);
    const done = newer.flat().flatMap((part) => reassembler.accept('a', part, 0) ?? []);
    expect(done.map(({ header }) => header.sequence)).toEqual([2, 3]);

    for (const [first] of requests.map((_, index) => newRequest(10 + index))) {
      if (first !== undefined) reassembler.accept('a', first, 0);
    }
    const held = reassembler.heldBytes();
    const late = oldest.slice(1).map((part) => reassembler.accept('a', part, 0));
    expect(late.every((result) => result === undefined)).toBe(true);
    expect(reassembler.heldBytes()).toBe(held);
  });

  test('is not taken from others: a request that can never fit drops nothing', () => {
    const reassembler = createReassembler(limits);
    for (const part of newRequest(1).slice(0, 2)) reassembler.accept('a', part, 0);
    const held = reassembler.heldBytes();
    const giant = { ...sampleHeader, sequence: 2, dims: [2 ** 28], tensorBytes: 2 ** 30, chunkCount: 65_536 / 2 };
    const before = process.memoryUsage().arrayBuffers;
    const message = { header: giant, payload: new Uint8Array(32_768) };
    expect(codeOf(() => reassembler.accept('a', message, 0))).toBe('reassembly-overflow');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    expect(reassembler.heldBytes()).toBe(held);
  });

  test('stays within its bound, bookkeeping included, whatever is sent', () => {
    const hostile = fc.record({
      sender: fc.constantFrom('a', 'b'),
      sequence: fc.nat(200),
      tensorIndex: fc.nat(254),
      elements: fc.integer({ min: 0, max: 3000 }),
      chunks: fc.integer({ min: 1, max: 60 }),
      pick: fc.nat(),
      elapsedMs: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 400 }), (messages) => {
        const reassembler = createReassembler(limits);
        let nowMs = 0;
        for (const { sender, sequence, tensorIndex, elements, chunks, pick, elapsedMs } of messages) {
          nowMs += elapsedMs;
          const part = hostileChunk({ sequence, tensorIndex, elements, chunks, pick });
          const code = codeOf(() => reassembler.accept(sender, part, nowMs));
          expect(['accepted', 'frame-invalid', 'reassembly-overflow']).toContain(code);
          expect(reassembler.heldBytes()).toBeLessThanOrEqual(2 * limits.maxBytesPerSender);
        }
        reassembler.expire(nowMs + limits.maxAgeMs + 1);
        expect(reassembler.heldBytes()).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('is bounded for requests without elements too: each is counted', () => {
    const reassembler = createReassembler(limits);
    for (let sequence = 0; sequence < 10_000; sequence += 1) {
      reassembler.accept('a', chunk({ sequence, tensorCount: 2, dims: [0], tensorBytes: 0 }, new Uint8Array(0)), 0);
    }
    expect(reassembler.heldBytes()).toBeGreaterThan(0);
    expect(reassembler.heldBytes()).toBeLessThanOrEqual(limits.maxBytesPerSender);
    expect(reassembler.expire(1001)).toBeLessThan(limits.maxBytesPerSender / 256);
  });
});

function newRequest(sequence: number): Chunk[] {
  const tensor = { data: new Float32Array(1500), dims: [1500] };
  return buildChunks({ ...sampleEnvelope, sequence }, [tensor]).map(openChunk);
}

/** A chunk that is right by itself, of a tensor of any size. */
function hostileChunk(options: {
  sequence: number;
  tensorIndex: number;
  elements: number;
  chunks: number;
  pick: number;
}): Chunk {
  const { sequence, tensorIndex, elements, chunks, pick } = options;
  const step = Math.max(1, Math.ceil(elements / chunks));
  const chunkCount = Math.max(1, Math.ceil(elements / step));
  const chunkIndex = pick % chunkCount;
  const size = Math.min(step, elements - chunkIndex * step);
  const header = { sequence, tensorIndex, tensorCount: 255, dims: [elements], tensorBytes: 4 * elements };
  return chunk({ ...header, chunkCount, chunkIndex, byteOffset: 4 * chunkIndex * step }, new Uint8Array(4 * size));
}
