import { expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import type { BrokerConfig } from './config.ts';
import type { Link, LinkListener } from './link.ts';
import { PacketStream } from './packet-stream.ts';
import type { RefusalReason } from './refusals.ts';
import { connectPacket, pingreq, publishPacket } from './testing/packets.ts';
import { testConfig } from './testing/test-broker.ts';

/** A peer that the test plays: it takes what is sent only when told. */
interface Played {
  stream: PacketStream;
  clock: FakeClock;
  receive(bytes: Buffer): void;
  end(): void;
  sends: { bytes: number; done: () => void }[];
  paused(): boolean;
  cuts: RefusalReason[];
}

function play(changes: Partial<BrokerConfig> = {}): Played {
  const clock = createFakeClock();
  const sends: Played['sends'] = [];
  const cuts: RefusalReason[] = [];
  let paused = false;
  let listener: LinkListener | undefined;
  const link: Link = {
    remote: 'test',
    send: (pieces, done) => void sends.push({ bytes: pieces.reduce((sum, { length }) => sum + length, 0), done }),
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
    finish: () => {},
    destroy: () => {},
    attach: (next) => {
      listener = next;
    },
  };
  const stream = new PacketStream({ link, config: testConfig(changes), clock, onCut: (reason) => cuts.push(reason) });
  const receive = (bytes: Buffer): void => listener?.bytes(bytes);
  const end = (): void => listener?.end();
  return { stream, clock, receive, end, sends, paused: () => paused, cuts };
}

/** Reads as Aedes does: when told that there is something, and again when done with it. */
function reader(stream: PacketStream): { batches: Buffer[]; done: () => void } {
  const batches: Buffer[] = [];
  const read = (): void => {
    const batch = stream.read();
    if (batch !== null) batches.push(batch);
  };
  stream.on('readable', read);
  return { batches, done: read };
}

async function openStream(played: Played): Promise<ReturnType<typeof reader>> {
  const reading = reader(played.stream);
  played.receive(connectPacket({ clientId: 'd1' }));
  played.stream.open(10);
  reading.done();
  await new Promise(process.nextTick);
  return reading;
}

test('one batch is under way at a time, and the peer is paused while more waits than may', async () => {
  const played = play();
  const { batches, done } = await openStream(played);
  const chunk = publishPacket('t', Buffer.alloc(65_000));
  for (let i = 0; i < 4; i += 1) played.receive(chunk);
  expect(batches).toHaveLength(2);
  expect(played.paused()).toBe(true);
  for (let i = 0; i < 3; i += 1) {
    done();
    await new Promise(process.nextTick);
  }
  expect(batches).toHaveLength(5);
  expect(played.paused()).toBe(false);
});

test('of a packet that is larger than what may wait, and began to come before CONNACK, the rest is read', async () => {
  const played = play();
  const { batches, done } = reader(played.stream);
  const large = publishPacket('t', Buffer.alloc(300_000));
  played.receive(Buffer.concat([connectPacket({ clientId: 'd1' }), large.subarray(0, 200_000)]));
  done();
  await new Promise(process.nextTick);
  expect(played.paused()).toBe(true);
  played.stream.open(10);
  await new Promise(process.nextTick);
  expect(played.paused()).toBe(false);
  played.receive(large.subarray(200_000));
  expect(batches.at(-1)?.equals(large)).toBe(true);
});

test('nothing after CONNECT is handed on before CONNACK', async () => {
  const played = play();
  const { batches, done } = reader(played.stream);
  played.receive(Buffer.concat([connectPacket({ clientId: 'd1' }), pingreq]));
  done();
  await new Promise(process.nextTick);
  expect(batches).toHaveLength(1);
  played.stream.open(10);
  await new Promise(process.nextTick);
  expect(batches).toHaveLength(2);
});

test('writing never waits, and what is unsent is known to the byte', async () => {
  const played = play();
  await openStream(played);
  for (let i = 0; i < 100; i += 1) expect(played.stream.write(Buffer.alloc(100_000))).toBe(true);
  expect(played.stream.unsentBytes).toBe(10_000_000);
  played.sends[0]?.done();
  expect(played.stream.unsentBytes).toBe(9_900_000);
});

test('a peer that does not take its answers is read no further until it does', async () => {
  const played = play({ maxUnsentBytes: 1024 });
  const { batches, done } = await openStream(played);
  played.stream.write(Buffer.alloc(5000));
  played.receive(pingreq);
  done();
  expect(batches).toHaveLength(1);
  played.sends[0]?.done();
  expect(batches).toHaveLength(2);
});

test('fault 6: a slow peer is cut by time without progress, not by how much waits', async () => {
  const played = play({ stallTimeoutMs: 20_000 });
  await openStream(played);
  played.stream.open(300);
  played.stream.write(Buffer.alloc(3_000_000));
  for (let i = 0; i < 5; i += 1) {
    played.clock.advance(19_000);
    played.stream.inspect(played.clock.nowMs());
    played.sends.at(-1)?.done();
  }
  expect(played.cuts).toEqual([]);
  played.clock.advance(20_001);
  played.stream.inspect(played.clock.nowMs());
  expect(played.cuts).toEqual(['stalled']);
});

test('fault 10: a large PUBLISH over a thin link outlives its keepalive', async () => {
  const played = play();
  const { batches, done } = await openStream(played);
  done();
  const bytes = publishPacket('t', Buffer.alloc(1 << 20));
  for (let at = 0; at < bytes.length; at += 6250) {
    played.clock.advance(1000);
    played.receive(bytes.subarray(at, at + 6250));
    played.stream.inspect(played.clock.nowMs());
  }
  expect(played.cuts).toEqual([]);
  expect(batches.at(-1)?.length).toBe(bytes.length);
  played.clock.advance(15_001);
  played.stream.inspect(played.clock.nowMs());
  expect(played.cuts).toEqual(['keepalive-missed']);
});

test('packets that came before the end are still handed on, then the stream closes', async () => {
  const played = play();
  const { batches, done } = await openStream(played);
  played.receive(pingreq);
  played.receive(publishPacket('t', 'x'));
  played.end();
  expect([batches.length, played.stream.destroyed]).toEqual([2, false]);
  done();
  await new Promise(process.nextTick);
  expect([batches.length, played.stream.destroyed]).toEqual([3, false]);
  done();
  await new Promise(process.nextTick);
  expect(played.stream.destroyed).toBe(true);
});

test('fault 18: a throw while Aedes reads cuts this peer alone', async () => {
  const played = play();
  await openStream(played);
  played.stream.read();
  played.stream.on('readable', () => {
    throw new Error('a hook failed');
  });
  played.receive(pingreq);
  expect(played.cuts).toEqual(['hook-failed']);
  expect(played.stream.destroyed).toBe(true);
});
