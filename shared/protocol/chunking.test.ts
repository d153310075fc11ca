import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryTensor, buildChunks, sampleEnvelope } from '../testing/chunks.ts';
import {
  buildEmptyReply,
  type ChunkLimits,
  chunkCount,
  chunkLimitsFor,
  chunkPayloadBytes,
  chunksOf,
  defaultChunkLimits,
  messageCount,
} from './chunking.ts';
import { type Encoding, encodedBytes, encodings } from './tensor-encoding.ts';
import { headerBytes, openChunk } from './tensor-frame.ts';

const multipleOf4 = (min: number, max: number) => fc.integer({ min: min / 4, max: max / 4 }).map((words) => words * 4);
const limitsArbitrary: fc.Arbitrary<ChunkLimits> = fc.record({
  maxPayloadBytes: multipleOf4(4, 4096),
  minChunks: fc.integer({ min: 1, max: 12 }),
  minPayloadBytes: multipleOf4(4, 2048),
});

test('a tensor is cut into at least four chunks, unless they became smaller than 1 KiB', () => {
  const counts = [0, 1, 1024, 1025, 4096, 12_288, 65_536, 65_540].map((bytes) => chunkCount(bytes));
  expect(counts).toEqual([1, 1, 1, 2, 4, 4, 4, 5]);
  expect(chunkPayloadBytes(12_288)).toBe(3072);
  expect(chunkPayloadBytes(1 << 20)).toBe(16_384);
});

test('every chunk but the last has the same size, a multiple of 4 within the limits', () => {
  fc.assert(
    fc.property(fc.nat(100_000), limitsArbitrary, (bytes, limits) => {
      const step = chunkPayloadBytes(bytes, limits);
      expect(step % 4).toBe(0);
      expect(step).toBeGreaterThan(0);
      expect(step).toBeLessThanOrEqual(limits.maxPayloadBytes);
      const count = chunkCount(bytes, limits);
      expect(step * (count - 1)).toBeLessThan(Math.max(1, bytes));
      expect(step * count).toBeGreaterThanOrEqual(bytes);
    }),
  );
});

test('chunks carry the encoded tensors whole and once, in sending order', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryTensor, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...encodings),
      limitsArbitrary,
      (tensors, encoding, limits) => {
        const chunks = buildChunks({ ...sampleEnvelope, encoding }, tensors, limits).map(openChunk);
        for (const [tensorIndex, { data, dims }] of tensors.entries()) {
          const own = chunks.filter(({ header }) => header.tensorIndex === tensorIndex);
          expect(own.map(({ header }) => header.chunkIndex)).toEqual(own.map((_, index) => index));
          expect(own.every(({ header }) => header.chunkCount === own.length)).toBe(true);
          expect(own[0]?.header).toMatchObject({ dims, tensorCount: tensors.length, encoding });
          const payloadBytes = own.reduce((sum, { payload }) => sum + payload.length, 0);
          expect(payloadBytes).toBe(encodedBytes(encoding, data.length));
        }
      },
    ),
  );
});

test('a message is exactly its header and its payload', () => {
  const [message] = buildChunks(sampleEnvelope, [{ data: new Float32Array(6), dims: [2, 3] }]);
  expect(message).toHaveLength(headerBytes({ kind: 'request', encoding: 'f32', dims: [2, 3] }) + 24);
});

test('a view into a larger buffer is sent as the view that it is', () => {
  const large = Float32Array.from({ length: 100 }, (_, i) => i);
  const [message] = buildChunks(sampleEnvelope, [{ data: large.subarray(10, 14), dims: [4] }]);
  const { payload } = openChunk(message ?? Buffer.alloc(0));
  expect([...new Float32Array(Uint8Array.from(payload).buffer)]).toEqual([10, 11, 12, 13]);
});

test('more tensors than a frame can number are refused', () => {
  const tensors = Array.from({ length: 256 }, () => ({ data: new Float32Array(1), dims: [1] }));
  expect(() => buildChunks(sampleEnvelope, tensors)).toThrow(expect.objectContaining({ code: 'frame-invalid' }));
});

test('a reply without result is a valid frame, whatever its status', () => {
  const report = { spreadUs: 1, spreadBytes: 2, queueUs: 3, computeUs: 4, totalUs: 5 };
  for (const status of ['ok', 'expired', 'overloaded', 'unavailable', 'invalid'] as const) {
    const message = Buffer.concat(buildEmptyReply({ ...sampleEnvelope, kind: 'probe-reply', status, report }));
    const { header, payload } = openChunk(message);
    expect(header).toMatchObject({ kind: 'probe-reply', status, tensorBytes: 0, chunkCount: 1, ...report });
    expect(payload).toHaveLength(0);
  }
});

test('on a link of known rate a chunk takes about 2 ms, but never less than 4 KiB nor more than 64 KiB', () => {
  const sizes = [0.01, 1, 16.384, 40, 262.144, 1000].map((mbps) => chunkLimitsFor(mbps).minPayloadBytes);
  expect(sizes).toEqual([4096, 4096, 4096, 10_000, 65_536, 65_536]);
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1000, noNaN: true }), fc.nat(300_000), (mbps, bytes) => {
      const limits = chunkLimitsFor(mbps);
      expect([limits.minPayloadBytes % 4, limits.maxPayloadBytes % 4]).toEqual([0, 0]);
      expect(limits.maxPayloadBytes).toBeGreaterThanOrEqual(limits.minPayloadBytes);
      const step = chunkPayloadBytes(bytes, limits);
      expect(step * chunkCount(bytes, limits)).toBeGreaterThanOrEqual(bytes);
      expect(step).toBeGreaterThanOrEqual(limits.minPayloadBytes);
      expect(step).toBeLessThanOrEqual(limits.maxPayloadBytes);
    }),
  );
});

test('on a slow link a chunk takes no longer than 150 ms, unless it became smaller than 4 KiB', () => {
  const sizes = [0.01, 0.25, 0.5, 1, 5].map((mbps) => chunkLimitsFor(mbps).maxPayloadBytes);
  expect(sizes).toEqual([4096, 4096, 8192, 16_384, 16_384]);
  expect(chunkCount(1 << 20, chunkLimitsFor(0.25))).toBe(256);
});

test('how many messages tensors become is known before they are made', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryTensor, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...encodings),
      limitsArbitrary,
      (tensors, encoding, limits) => {
        const messages = buildChunks({ ...sampleEnvelope, encoding }, tensors, limits);
        expect(messageCount(tensors, encoding, limits)).toBe(messages.length);
      },
    ),
  );
});

test('messages are made one by one, as they are asked for', () => {
  const data = new Float32Array(8192);
  const messages = chunksOf(sampleEnvelope, [{ data, dims: [8192] }]);
  const first = openChunk(Buffer.concat(messages.next().value ?? []));
  data.fill(1);
  const second = openChunk(Buffer.concat(messages.next().value ?? []));
  expect([first.payload[3], second.payload[3]]).toEqual([0, 0x3f]);
  expect(first.header.chunkCount).toBe([...messages].length + 2);
});

test('floats are sent from where they lie, other encodings from memory of their own', () => {
  const data = Float32Array.from({ length: 1000 }, (_, i) => i);
  const buffersOf = (encoding: Encoding) =>
    [...chunksOf({ ...sampleEnvelope, encoding }, [{ data, dims: [1000] }])].map(([, payload]) => payload.buffer);
  expect(new Set(buffersOf('f32'))).toEqual(new Set([data.buffer]));
  for (const encoding of ['f16', 'u8'] as const) expect(buffersOf(encoding)).not.toContain(data.buffer);
});

test('by default chunks are small enough to share a thin link and large enough to be worth their headers', () => {
  expect(defaultChunkLimits).toEqual({ maxPayloadBytes: 16_384, minChunks: 4, minPayloadBytes: 1024 });
});
