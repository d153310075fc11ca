import { expect, test } from 'vitest';
import { writePublish } from './publish-packet.ts';

/** Collects what is written, and how often the sink was let go. */
function collect() {
  const pieces: Uint8Array[] = [];
  let flushes = 0;
  const sink = {
    cork: () => undefined,
    write: (piece: Uint8Array) => pieces.push(piece),
    uncork: () => {
      flushes += 1;
    },
  };
  return { sink, pieces, flushes: () => flushes };
}

/** Table 2.4 of MQTT 3.1.1: the least and greatest remaining length that each number of bytes can say. */
const remainingLengths: [number, number[]][] = [
  [5, [0x05]],
  [127, [0x7f]],
  [128, [0x80, 0x01]],
  [16_383, [0xff, 0x7f]],
  [16_384, [0x80, 0x80, 0x01]],
  [2_097_151, [0xff, 0xff, 0x7f]],
  [2_097_152, [0x80, 0x80, 0x80, 0x01]],
];

test.each(remainingLengths)(
  'a packet of remaining length %i says so as the standard does',
  (remaining, lengthBytes) => {
    const { sink, pieces } = collect();
    const payload = new Uint8Array(remaining - 5);
    writePublish(sink, 'a/b', [payload]);
    expect([...(pieces[0] ?? [])]).toEqual([0x30, ...lengthBytes, 0, 3, 0x61, 0x2f, 0x62]);
    expect(pieces).toHaveLength(payload.length === 0 ? 1 : 2);
    // The very array: comparing two MiB byte by byte takes seconds.
    if (payload.length > 0) expect(pieces[1]).toBe(payload);
  },
);

test('pieces of a payload follow each other as they are, none copied, in one go', () => {
  const { sink, pieces, flushes } = collect();
  const parts = [new Uint8Array([1, 2]), new Uint8Array(), new Uint8Array([3])];
  writePublish(sink, 't', parts);
  expect([...Buffer.concat(pieces)]).toEqual([0x30, 6, 0, 1, 0x74, 1, 2, 3]);
  expect(pieces[1]).toBe(parts[0]);
  expect(pieces[2]).toBe(parts[2]);
  expect(flushes()).toBe(1);
});

test('a topic counts in bytes, not in characters', () => {
  const { sink, pieces } = collect();
  writePublish(sink, 'é', []);
  expect([...Buffer.concat(pieces)]).toEqual([0x30, 4, 0, 2, 0xc3, 0xa9]);
});

test('what MQTT cannot say is refused, and nothing is written', () => {
  const { sink, pieces } = collect();
  expect(() => writePublish(sink, '', [])).toThrow(expect.objectContaining({ code: 'topic-invalid' }));
  expect(() => writePublish(sink, 'x'.repeat(65_536), [])).toThrow(expect.objectContaining({ code: 'topic-invalid' }));
  const sixteenMiB = new Uint8Array(16 << 20);
  const tooMany = Array.from({ length: 16 }, () => sixteenMiB);
  expect(() => writePublish(sink, 'a', tooMany)).toThrow(expect.objectContaining({ code: 'message-invalid' }));
  expect(pieces).toEqual([]);
});
