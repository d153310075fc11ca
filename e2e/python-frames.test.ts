import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../shared/model/tensor.ts';
import { chunkStepBytes } from '../shared/protocol/chunk-place.ts';
import { createReassembler } from '../shared/protocol/reassembly.ts';
import { decodeTensor, encodedBytes, encodeTensor, encodings } from '../shared/protocol/tensor-encoding.ts';
import { openChunk } from '../shared/protocol/tensor-frame.ts';
import { isFleetError } from '../shared/runtime/errors.ts';
import { seededRandom } from '../shared/runtime/random.ts';
import {
  arbitraryChunk,
  arbitraryTensor,
  buildChunks,
  resealed,
  sampleEnvelope,
  sealed,
} from '../shared/testing/chunks.ts';
import { askPython, mustRun, pythonWith } from './testing/python.ts';

const python = pythonWith('numpy');
/** JSON has no −0. */
const chunks = fc.sample(arbitraryChunk, { numRuns: 500, seed: 30 }).map(({ header, payload }) => ({
  header: { ...header, scale: header.scale + 0, offset: header.offset + 0 },
  payload,
}));
const messages = chunks.map(({ header, payload }) => sealed(header, payload));

function ask<T>(questions: readonly unknown[]) {
  expect(python, 'no Python with numpy: install python3-numpy').toBeDefined();
  return askPython<T>(python ?? '', questions);
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

function outcomeOf(message: Buffer): unknown {
  try {
    const { header, payload } = openChunk(message);
    return { answer: { header, payload: hexOf(payload) } };
  } catch (error) {
    return { code: isFleetError(error) ? error.code : String(error) };
  }
}

describe.skipIf(python === undefined && !mustRun)('the Python side of the wire (needs python3-numpy)', () => {
  test('opens what this side seals', () => {
    const opened = ask(messages.map((message) => ({ open: hexOf(message) })));
    expect(opened).toEqual(chunks.map(({ header, payload }) => ({ answer: { header, payload: hexOf(payload) } })));
  });

  test('seals the same bytes, which this side opens', () => {
    const questions = chunks.map(({ header, payload }) => {
      return { seal: header, stepBytes: chunkStepBytes(header, payload.length), payload: hexOf(payload) };
    });
    expect(ask(questions)).toEqual(messages.map((message) => ({ answer: hexOf(message) })));
  });

  test('refuses what this side refuses, for the same reason, and takes the rest alike', () => {
    const random = seededRandom(17);
    const below = (limit: number): number => Math.floor(random() * limit);
    const damaged = Array.from({ length: 20_000 }, (_, n) => {
      const message = Buffer.from(messages[n % messages.length] ?? []);
      for (let edits = 1 + below(3); edits > 0; edits -= 1) message[below(Math.min(70, message.length))] = below(256);
      const left = random() < 0.1 ? message.subarray(0, below(message.length)) : message;
      return random() < 0.9 && left.length >= 8 ? resealed(left) : left;
    });
    const outcomes = damaged.map(outcomeOf);
    expect(ask(damaged.map((message) => ({ open: hexOf(message) })))).toEqual(outcomes);
    const told = new Set(
      outcomes.map((outcome) => JSON.stringify(outcome).match(/^{"code":"([a-z-]+)"/)?.[1] ?? 'taken'),
    );
    const all = ['frame-corrupt', 'frame-invalid', 'frame-truncated', 'frame-version', 'taken'];
    expect([...told].sort()).toEqual(all);
  });

  test('encodes and decodes to the bit', () => {
    const values = fc.array(fc.float({ noNaN: true }), { maxLength: 40 }).map((list) => Float32Array.from(list));
    const special = [
      [Number.NaN, 1, 2],
      [Number.POSITIVE_INFINITY, -1, 5],
      [Number.NaN],
      [1e-45, 2e-45],
      [65_504, 65_519.9, 65_520, -1e9, 6e-8, 2.9e-8],
      [3.4e38, -3.4e38, 0],
    ].map((list) => Float32Array.from(list));
    const tensors = [...special, ...fc.sample(values, { numRuns: 500, seed: 8 })];
    const cases = tensors.flatMap((data) => encodings.map((encoding) => ({ data, encoding })));
    const own = cases.map(({ data, encoding }) => {
      const bytes = new Uint8Array(encodedBytes(encoding, data.length));
      const { scale, offset } = encodeTensor(data, encoding, bytes);
      const back = new Float32Array(data.length);
      decodeTensor(bytes, encoding, { scale, offset }, back);
      return { answer: { bytes: hexOf(bytes), scale, offset, values: hexOf(bytesOf(back)) } };
    });
    const questions = cases.map(({ data, encoding }) => ({ encode: encoding, values: hexOf(bytesOf(data)) }));
    expect(ask(questions)).toEqual(own);
  });

  const limits = { maxPayloadBytes: 32, minChunks: 4, minPayloadBytes: 8 };
  const requests = fc
    .sample(fc.tuple(fc.array(arbitraryTensor, { minLength: 1, maxLength: 3 }), fc.constantFrom(...encodings)), {
      numRuns: 100,
      seed: 4,
    })
    .map(([tensors, encoding]) => ({ tensors, encoding }));
  const cut = ({ tensors, encoding }: (typeof requests)[number]): Buffer[] =>
    buildChunks({ ...sampleEnvelope, encoding }, tensors, limits);

  test('cuts tensors into the same messages', () => {
    const questions = requests.map(({ tensors, encoding }) => ({
      cut: { ...openChunk(cut({ tensors, encoding })[0] ?? Buffer.alloc(0)).header, scale: 1, offset: 0 },
      tensors: tensors.map(({ data, dims }) => ({ values: hexOf(bytesOf(data)), dims })),
      limits: { least_bytes: limits.minPayloadBytes, most_bytes: limits.maxPayloadBytes },
    }));
    expect(ask(questions)).toEqual(requests.map((request) => ({ answer: cut(request).map(hexOf) })));
  });

  test('joins chunks that come in any order and twice, as this side does', () => {
    const shuffledTwice = requests.map((request) => {
      const own = cut(request);
      return [...own.toReversed(), ...own];
    });
    const joined = shuffledTwice.map((parts) => {
      const reassembler = createReassembler({ maxBytesPerSender: 1 << 20, maxAgeMs: 1000 });
      const whole = parts.flatMap((part) => reassembler.accept('a', openChunk(part), 0) ?? []);
      return { answer: whole[0]?.tensors.map(({ data, dims }: Tensor) => ({ dims, values: hexOf(bytesOf(data)) })) };
    });
    expect(ask(shuffledTwice.map((parts) => ({ join: parts.map(hexOf) })))).toEqual(joined);
  });
});
