import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkLimitsFor, defaultChunkLimits } from '../protocol/chunking.ts';
import { type Encoding, encodings } from '../protocol/tensor-encoding.ts';
import { buildChunks, sampleEnvelope } from '../testing/chunks.ts';
import { messageOverheadBytes, replyBytes, requestBytes } from './wire-bytes.ts';

const dims = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }).filter((sizes) => {
  return sizes.reduce((product, size) => product * size, 1) <= 100_000;
});

/** What really travels for one tensor: its messages, and what MQTT is reckoned to add to each. */
function travelling(kind: 'request' | 'reply', sizes: number[], encoding: Encoding, limits = defaultChunkLimits) {
  const data = new Float32Array(sizes.reduce((product, size) => product * size, 1));
  const messages = buildChunks({ ...sampleEnvelope, kind, encoding }, [{ data, dims: sizes }], limits);
  const bytes = messages.reduce((sum, { length }) => sum + length + messageOverheadBytes, 0);
  return { bytes, chunks: messages.length };
}

test('are what the messages have, or up to two more a chunk for the dimensions, which are not known', () => {
  fc.assert(
    fc.property(dims, fc.constantFrom(...encodings), fc.constantFrom(0.25, 1, 10), (sizes, encoding, mbps) => {
      const shape = { elements: sizes.reduce((product, size) => product * size, 1), rank: sizes.length };
      const limits = chunkLimitsFor(mbps);
      const request = travelling('request', sizes, encoding, limits);
      const reply = travelling('reply', sizes, encoding);
      const tooMany = [
        (requestBytes([shape], encoding, limits) - request.bytes) / request.chunks,
        (replyBytes([shape], encoding) - reply.bytes) / reply.chunks,
      ];
      for (const each of tooMany) {
        expect(each).toBeGreaterThanOrEqual(0);
        expect(each).toBeLessThanOrEqual(2);
      }
    }),
    { numRuns: 300 },
  );
});
