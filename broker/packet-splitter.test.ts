import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacketSplitter, type PacketSplitter, type Taken } from './packet-splitter.ts';
import { fixedHeader, packet, pingreq, publishPacket } from './testing/packets.ts';

const limit = 1 << 20;

function takeAll(splitter: PacketSplitter, maxPackets = 100): Taken[] {
  const all: Taken[] = [];
  for (let one = splitter.take(maxPackets); one !== undefined; one = splitter.take(maxPackets)) {
    all.push(one);
    if (one.kind === 'fault') break;
  }
  return all;
}

test('whole packets in one chunk come out together, in the chunk’s own memory', () => {
  const splitter = createPacketSplitter(() => limit);
  const chunk = Buffer.concat([publishPacket('a', 'x'), pingreq, publishPacket('b', 'y')]);
  splitter.push(chunk);
  const taken = splitter.take(100);
  expect(taken).toMatchObject({ kind: 'packets', publishes: 2 });
  if (taken?.kind === 'packets') expect(taken.bytes.buffer).toBe(chunk.buffer);
  expect(splitter.waitingBytes()).toBe(0);
});

test('no more packets are taken than asked for', () => {
  const splitter = createPacketSplitter(() => limit);
  splitter.push(Buffer.concat([pingreq, pingreq, pingreq]));
  expect(takeAll(splitter, 2).map((one) => (one.kind === 'packets' ? one.bytes.length : -1))).toEqual([4, 2]);
});

test('fault 12: whatever the slices, the same packets come out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 30 }),
      (payloads, cuts) => {
        const all = Buffer.concat(payloads.map((payload) => publishPacket('t', Buffer.from(payload))));
        const splitter = createPacketSplitter(() => limit);
        const got: Buffer[] = [];
        for (let at = 0, i = 0; at < all.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1;
          splitter.push(Buffer.from(all.subarray(at, at + size)));
          at += size;
          for (const one of takeAll(splitter)) if (one.kind === 'packets') got.push(one.bytes);
        }
        expect(Buffer.concat(got).equals(all)).toBe(true);
      },
    ),
  );
});

test('fault 12: one byte at a time, too', () => {
  const splitter = createPacketSplitter(() => limit);
  const whole = publishPacket('topic', Buffer.alloc(200_000, 7));
  let got: Taken | undefined;
  for (const byte of whole) {
    splitter.push(Buffer.from([byte]));
    got = splitter.take(1) ?? got;
  }
  expect(got?.kind === 'packets' && got.bytes.equals(whole)).toBe(true);
});

test('a declared length above the limit is a fault before any of it is there', () => {
  const splitter = createPacketSplitter(() => 4096);
  splitter.push(Buffer.concat([pingreq, fixedHeader(0x30, 4097)]));
  expect(takeAll(splitter).at(-1)).toEqual({ kind: 'fault', reason: 'packet-too-large' });
});

test('fault 16: a declared length takes no memory until its bytes come', () => {
  const splitters = Array.from({ length: 1000 }, () => createPacketSplitter(() => 256 << 20));
  const before = process.memoryUsage().arrayBuffers;
  for (const splitter of splitters) {
    splitter.push(fixedHeader(0x30, 200 << 20));
    splitter.take(1);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
});

test('a length of more than four bytes is malformed, in one chunk and in many', () => {
  const bytes = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
  const whole = createPacketSplitter(() => 2 ** 40);
  whole.push(bytes);
  expect(whole.take(1)).toEqual({ kind: 'fault', reason: 'packet-malformed' });
  const sliced = createPacketSplitter(() => 2 ** 40);
  for (const byte of bytes) sliced.push(Buffer.from([byte]));
  expect(takeAll(sliced).at(-1)).toEqual({ kind: 'fault', reason: 'packet-malformed' });
});

test('a type that may not come now is refused at its first byte', () => {
  const splitter = createPacketSplitter((first) => (first >> 4 === 1 ? 100 : undefined));
  splitter.push(packet(0x30, Buffer.alloc(2)).subarray(0, 1));
  expect(splitter.take(1)).toEqual({ kind: 'fault', reason: 'packet-unexpected' });
});
