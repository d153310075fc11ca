import { describe, expect, test } from 'vitest';
import { createUnderWay } from '../shared/adapters/under-way.ts';
import type { ChunkMessage } from '../shared/protocol/chunking.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createSender } from './sender.ts';
import type { Shipment } from './shipment.ts';

const messageBytes = 100;
/** Less than a message: one more goes while one is under way. */
const thin = { leadBytes: 10 };

/** A sender on a connection whose broker reads when the test says so. */
function startSender() {
  const clock = createFakeClock();
  const sent: string[] = [];
  let takes = true;
  const underWay = createUnderWay(() => undefined);
  const sender = createSender(
    {
      underWay,
      publish(topic, pieces, asks) {
        if (!takes) return false;
        sent.push(topic);
        underWay.publishes(pieces.reduce((sum, { length }) => sum + length, 0));
        if (asks) underWay.ask();
        return true;
      },
    },
    clock,
  );
  const failures: unknown[] = [];
  function ship(topic: string, changes: Partial<Shipment> = {}) {
    const onFailed = (error?: unknown): void => void failures.push(error);
    const messages = (): Iterator<ChunkMessage> => endless();
    return sender.send({ topic, count: 5, messages, leadBytes: 1 << 20, isUrgent: true, onFailed, ...changes });
  }
  const refuse = (): void => {
    takes = false;
  };
  return { clock, sender, underWay, sent, failures, ship, refuse };
}

function* endless(): Generator<ChunkMessage> {
  for (;;) yield [Buffer.alloc(40), new Uint8Array(60)];
}

describe('a shipment', () => {
  test('goes at once where the link takes it, with no question asked', () => {
    const { sent, underWay, ship } = startSender();
    const sending = ship('frame');
    expect(sent).toHaveLength(5);
    expect([sending.isWhole(), sending.bytes(), sending.remainingMs()]).toEqual([true, 5 * messageBytes, 0]);
    expect(sending.keptBytes()).toBe(Number.POSITIVE_INFINITY);
    underWay.answered();
    expect(underWay.bytes()).toBe(5 * messageBytes);
  });

  test('goes on only as the broker reads, and two messages at most are under way', () => {
    const { sent, underWay, ship } = startSender();
    const sending = ship('frame', thin);
    for (let read = 0; read < 4; read += 1) {
      expect(sent).toHaveLength(2 + Math.min(read, 3));
      expect(underWay.bytes()).toBeLessThanOrEqual(2 * messageBytes);
      underWay.answered();
    }
    expect(sending.isWhole()).toBe(true);
    // One message was on the wire whenever the next one waited.
    expect(sending.keptBytes()).toBe(messageBytes);
  });

  test('is not sent further once it is cancelled, and does not stand in the way of the next', () => {
    const { sent, underWay, ship } = startSender();
    const late = ship('late', thin);
    late.cancel();
    ship('next', { ...thin, count: 1 });
    expect(sent).toEqual(['late', 'late']);
    underWay.answered();
    underWay.answered();
    expect(sent).toEqual(['late', 'late', 'next']);
    expect([late.isWhole(), late.bytes()]).toEqual([false, 2 * messageBytes]);
  });

  test('is encoded only as far as it is sent', () => {
    const { ship } = startSender();
    let made = 0;
    function* counted(): Generator<ChunkMessage> {
      for (const message of endless()) {
        made += 1;
        yield message;
      }
    }
    ship('frame', { ...thin, messages: counted }).cancel();
    expect(made).toBe(2);
  });

  test('has its end told where the connection takes no more, also in the middle', () => {
    const { sent, failures, underWay, ship, refuse } = startSender();
    const sending = ship('frame', thin);
    refuse();
    underWay.lost();
    expect(failures).toEqual([undefined]);
    expect([sent.length, sending.isWhole()]).toEqual([2, false]);
  });

  test('has the reason told where a message cannot be made', () => {
    const { failures, ship, sent } = startSender();
    const wrong = new Error('does not fit');
    ship('frame', {
      messages: () => {
        throw wrong;
      },
    });
    expect(failures).toEqual([wrong]);
    ship('next');
    expect(sent).toHaveLength(5);
  });
});

describe('urgent shipments', () => {
  test('go before what is not', () => {
    const { sent, underWay, ship } = startSender();
    const probe = ship('probe', { ...thin, isUrgent: false, count: 3 });
    ship('frame', { ...thin, count: 2 });
    for (let i = 0; i < 5; i += 1) underWay.answered();
    expect(sent).toEqual(['probe', 'probe', 'frame', 'frame', 'probe']);
    expect(probe.reached().bytes).toBe(5 * messageBytes);
  });

  test('keep their own order', () => {
    const { sent, underWay, ship } = startSender();
    for (const name of ['first', 'second', 'third']) ship(name, { ...thin, count: 2 });
    for (let i = 0; i < 6; i += 1) underWay.answered();
    expect(sent).toEqual(['first', 'first', 'second', 'second', 'third', 'third']);
  });
});

describe('what is known of the wire', () => {
  test('a shipment shares the link with what it finds under way, unless the end of that was heard of', () => {
    const { ship } = startSender();
    const first = ship('first');
    const second = ship('second');
    expect(second.reached().bytes - second.bytes()).toBe(first.bytes());
    second.wasAnswered();
    const third = ship('third');
    expect(third.reached().bytes).toBe(third.bytes());
  });

  test('what can have come through at most counts what lay before it, until it was cancelled', () => {
    const { clock, ship } = startSender();
    ship('before', { count: 3 });
    const late = ship('late', thin);
    clock.advance(50);
    // Nothing of it went: the link was taken.
    expect(late.reached()).toEqual({ bytes: 0, elapsedMs: 50 });
    late.cancel();
    const next = ship('next', { count: 2 });
    clock.advance(20);
    expect(next.reached()).toEqual({ bytes: 5 * messageBytes, elapsedMs: 20 });
    expect(late.reached()).toEqual({ bytes: 0, elapsedMs: 50 });
  });

  test('the rest takes as long as the best pace so far says: that the next message arrives now', () => {
    const { clock, underWay, ship } = startSender();
    const sending = ship('frame', thin);
    expect(sending.remainingMs()).toBe(0);
    clock.advance(4);
    expect(sending.remainingMs()).toBe(4 * 4);
    clock.advance(96);
    expect(sending.remainingMs()).toBe(100 * 4);
    expect(ship('next', thin).remainingMs()).toBe(0);
    underWay.answered();
    // Of five messages one was read in 100 ms, and one more may be.
    expect(sending.remainingMs()).toBe((100 / 2) * 3);
  });
});
