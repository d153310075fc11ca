import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resealed, sampleEnvelope, sampleHeader } from '../testing/chunks.ts';
import { imageChunksOf, imageMessageCount } from './chunking.ts';
import { createReassembler } from './reassembly.ts';
import { type ChunkHeader, openChunk, sealChunk } from './tensor-frame.ts';
import { imageEncodings } from './wire-encoding.ts';

const limits = { maxPayloadBytes: 64, minChunks: 4, minPayloadBytes: 8 };
const files = fc.uint8Array({ minLength: 1, maxLength: 2000 });

test('a file comes back byte by byte, whatever the order of its chunks and however often they come', () => {
  fc.assert(
    fc.property(files, fc.constantFrom(...imageEncodings), fc.infiniteStream(fc.nat()), (file, encoding, order) => {
      const messages = [...imageChunksOf(sampleEnvelope, { encoding, file }, limits)].map((pieces) =>
        Buffer.concat(pieces),
      );
      expect(messages).toHaveLength(imageMessageCount({ file }, limits));
      const reassembler = createReassembler({ maxBytesPerSender: 1 << 16, maxAgeMs: 1000 });
      const shuffled = [...messages, ...messages].sort(() => ((order.next().value ?? 0) % 2 === 0 ? 1 : -1));
      const assembled = shuffled.flatMap((message) => reassembler.accept('a', openChunk(message), 0) ?? []);
      expect(assembled).toHaveLength(1);
      expect(assembled[0]).toMatchObject({ header: { encoding }, tensors: [], image: file });
      expect(reassembler.heldBytes()).toBe(0);
    }),
  );
});

test('a file takes no more of what a sender may hold than its bytes and bookkeeping', () => {
  const [first] = [...imageChunksOf(sampleEnvelope, { encoding: 'webp', file: new Uint8Array(1000) }, limits)];
  const reassembler = createReassembler({ maxBytesPerSender: 1 << 16, maxAgeMs: 1000 });
  reassembler.accept('a', openChunk(Buffer.concat(first ?? [])), 0);
  expect(reassembler.heldBytes()).toBeGreaterThanOrEqual(1000);
  expect(reassembler.heldBytes()).toBeLessThan(2200);
});

test.each<[string, Partial<ChunkHeader>]>([
  ['a reply', { kind: 'reply' }],
  ['a probe', { kind: 'probe' }],
  ['a cut', { partition: 1 }],
  ['the input of edge-first', { direction: 'edge-first' }],
  ['one of several tensors', { tensorCount: 2 }],
  ['more than one dimension', { dims: [4, 4] }],
])('%s holds no image', (_what, change) => {
  const header: ChunkHeader = { ...sampleHeader, encoding: 'jpeg', dims: [16], tensorBytes: 16 };
  const payload = new Uint8Array(16);
  expect(sealChunk(header, payload).length).toBeGreaterThan(0);
  expect(() => sealChunk({ ...header, ...change }, payload)).toThrow(
    expect.objectContaining({ code: 'frame-invalid' }),
  );
});

test('an encoding that has no meaning is refused', () => {
  const header: ChunkHeader = { ...sampleHeader, encoding: 'webp', dims: [4], tensorBytes: 4 };
  const message = Buffer.concat([sealChunk(header, new Uint8Array(4)), new Uint8Array(4)]);
  message.writeUInt8((message[3] ?? 0) | 0x10, 3);
  expect(() => openChunk(resealed(message))).toThrow('encoding 5 is unknown');
});
