import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../model/tensor.ts';
import { arbitraryTensor, buildChunks, sampleEnvelope } from '../testing/chunks.ts';
import { buildEmptyReply, type Envelope } from './chunking.ts';
import { type Assembled, createReassembler, type Reassembler } from './reassembly.ts';
import { decodeTensor, encodedBytes, encodeTensor, encodings } from './tensor-encoding.ts';
import { type Chunk, headerBytes, openChunk } from './tensor-frame.ts';

const limits = { maxBytesPerSender: 1 << 20, maxAgeMs: 1000 };
const smallChunks = { maxPayloadBytes: 32, minChunks: 4, minPayloadBytes: 4 };

function chunksOf(tensors: readonly Tensor[], envelope: Partial<Envelope> = {}): Chunk[] {
  return buildChunks({ ...sampleEnvelope, ...envelope }, tensors, smallChunks).map(openChunk);
}

function feed(reassembler: Reassembler, sender: string, chunks: readonly Chunk[], nowMs = 0): Assembled[] {
  return chunks.flatMap((chunk) => reassembler.accept(sender, chunk, nowMs) ?? []);
}

function vector(length: number, start = 0): Tensor {
  return { data: Float32Array.from({ length }, (_, i) => start + i), dims: [length] };
}

/** What a tensor becomes by its encoding alone. */
function throughEncoding({ data, dims }: Tensor, encoding: (typeof encodings)[number]): Tensor {
  const bytes = new Uint8Array(encodedBytes(encoding, data.length));
  const parameters = encodeTensor(data, encoding, bytes);
  const decoded = new Float32Array(data.length);
  decodeTensor(bytes, encoding, parameters, decoded);
  return { data: decoded, dims };
}

const tensorsArbitrary = fc.array(arbitraryTensor, { minLength: 1, maxLength: 4 });

describe('a request', () => {
  test('is whole with its last missing chunk, in any order and with duplicates, once', () => {
    fc.assert(
      fc.property(
        tensorsArbitrary,
        fc.constantFrom(...encodings),
        fc.infiniteStream(fc.nat()),
        (tensors, encoding, picks) => {
          const chunks = chunksOf(tensors, { encoding });
          const reassembler = createReassembler(limits);
          const seen = new Set<Chunk>();
          for (const pick of picks) {
            const chunk = chunks[pick % chunks.length];
            if (chunk === undefined) continue;
            const assembled = reassembler.accept('a', chunk, 0);
            const isLast = seen.size === chunks.length - 1 && !seen.has(chunk);
            seen.add(chunk);
            expect(assembled !== undefined).toBe(isLast);
            if (assembled === undefined) continue;
            expect(assembled.tensors).toEqual(tensors.map((tensor) => throughEncoding(tensor, encoding)));
            break;
          }
          expect(reassembler.heldBytes()).toBe(0);
          expect(feed(reassembler, 'a', chunks)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('tells when its first and last chunk came, and the bytes of messages after the first, duplicates too', () => {
    const chunks = chunksOf([vector(32)]);
    const reassembler = createReassembler(limits);
    const sizes = chunks.map(({ header, payload }) => headerBytes(header) + payload.length);
    const [first, second, ...rest] = chunks;
    if (first === undefined || second === undefined) throw new Error('too few chunks');
    feed(reassembler, 'a', [first], 100);
    feed(reassembler, 'a', [second, second], 110);
    const [whole] = feed(reassembler, 'a', rest, 140);
    expect(whole).toMatchObject({ firstArrivalMs: 100, lastArrivalMs: 140 });
    const [, secondSize = 0, ...others] = sizes;
    expect(whole?.bytesAfterFirst).toBe(2 * secondSize + others.reduce((sum, size) => sum + size, 0));
  });

  test('of one chunk has nothing after its first', () => {
    const [whole] = feed(createReassembler(limits), 'a', chunksOf([vector(1)]), 5);
    expect(whole).toMatchObject({ firstArrivalMs: 5, lastArrivalMs: 5, bytesAfterFirst: 0 });
  });

  test('without elements is whole with its one chunk', () => {
    const reply = openChunk(Buffer.concat(buildEmptyReply({ ...sampleEnvelope, kind: 'reply', status: 'expired' })));
    const [whole] = feed(createReassembler(limits), 'a', [reply]);
    expect(whole?.header.status).toBe('expired');
    expect(whole?.tensors).toEqual([{ data: new Float32Array(0), dims: [0] }]);
  });

  test('keeps its tensors in the order of their numbers, whichever came first', () => {
    const tensors = [vector(2, 10), vector(3, 20), vector(1, 30)];
    const [whole] = feed(createReassembler(limits), 'a', chunksOf(tensors).toReversed());
    expect(whole?.tensors).toEqual(tensors);
  });

  test('never becomes whole with a hole in it', () => {
    fc.assert(
      fc.property(tensorsArbitrary, fc.nat(), (tensors, pick) => {
        const chunks = chunksOf(tensors);
        const reassembler = createReassembler(limits);
        const missing = pick % chunks.length;
        const others = chunks.filter((_, index) => index !== missing);
        expect(feed(reassembler, 'a', [...others, ...others])).toEqual([]);
      }),
    );
  });
});

describe('senders', () => {
  test('that use the same ids at the same time do not meet', () => {
    const reassembler = createReassembler(limits);
    const mine = chunksOf([vector(16)]);
    const yours = chunksOf([vector(16, 100)]);
    const both = mine.flatMap((chunk, index) => [
      ...feed(reassembler, 'mine', [chunk]),
      ...feed(reassembler, 'yours', yours.slice(index, index + 1)),
    ]);
    expect(both.map(({ tensors }) => tensors[0]?.data[0])).toEqual([0, 100]);
  });

  test('may send several requests interleaved, and the same sequence again after a restart', () => {
    const reassembler = createReassembler(limits);
    const requests = [
      { boot: 1, sequence: 1 },
      { boot: 1, sequence: 2 },
      { boot: 2, sequence: 1 },
    ].map((id, index) => chunksOf([vector(8, index)], id));
    const interleaved = (requests[0] ?? []).flatMap((_, i) => requests.flatMap((chunks) => chunks.slice(i, i + 1)));
    const whole = feed(reassembler, 'a', interleaved);
    expect(whole.map(({ header }) => [header.boot, header.sequence])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ]);
  });
});

describe('age', () => {
  test('drops what is unfinished for longer than allowed, and frees what it held', () => {
    const reassembler = createReassembler(limits);
    feed(reassembler, 'a', chunksOf([vector(16)], { sequence: 1 }).slice(1), 0);
    feed(reassembler, 'a', chunksOf([vector(16)], { sequence: 2 }).slice(1), 600);
    expect(reassembler.expire(1000)).toBe(0);
    expect(reassembler.expire(1001)).toBe(1);
    expect(reassembler.heldBytes()).toBeGreaterThan(0);
    expect(reassembler.expire(1601)).toBe(1);
    expect(reassembler.heldBytes()).toBe(0);
  });

  test('counts from the first chunk, however busy the request is since', () => {
    const reassembler = createReassembler(limits);
    const [first, second] = chunksOf([vector(16)]);
    feed(reassembler, 'a', first === undefined ? [] : [first], 0);
    feed(reassembler, 'a', second === undefined ? [] : [second], 999);
    expect(reassembler.expire(1001)).toBe(1);
  });
});

describe('a request that its sender has given up', () => {
  const { timeLeftUs } = sampleEnvelope;
  const overMs = timeLeftUs / 1000;

  test('is dropped soon after the time that it said is left, and what comes yet starts nothing', () => {
    const reassembler = createReassembler({ maxBytesPerSender: 1 << 20, maxAgeMs: 60_000, maxLateMs: 50 });
    const [first, ...rest] = chunksOf([vector(16)]);
    feed(reassembler, 'a', first === undefined ? [] : [first], 0);
    expect(reassembler.expire(overMs + 50)).toBe(0);
    expect(reassembler.expire(overMs + 51)).toBe(1);
    expect(feed(reassembler, 'a', rest, overMs + 60)).toEqual([]);
    expect(reassembler.heldBytes()).toBe(0);
  });

  test('is still answered where all of it comes by then', () => {
    const reassembler = createReassembler({ maxBytesPerSender: 1 << 20, maxAgeMs: 60_000, maxLateMs: 50 });
    const [first, ...rest] = chunksOf([vector(16)]);
    feed(reassembler, 'a', first === undefined ? [] : [first], 0);
    reassembler.expire(overMs + 40);
    expect(feed(reassembler, 'a', rest, overMs + 50)).toHaveLength(1);
  });

  test('is told from a reply, which has no time of its own', () => {
    const reassembler = createReassembler({ maxBytesPerSender: 1 << 20, maxAgeMs: 60_000, maxLateMs: 50 });
    const [first, ...rest] = chunksOf([vector(16)], { kind: 'reply', timeLeftUs: 0 });
    feed(reassembler, 'a', first === undefined ? [] : [first], 0);
    expect(reassembler.expire(59_000)).toBe(0);
    expect(feed(reassembler, 'a', rest, 59_000)).toHaveLength(1);
  });
});
