import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createPublisher } from './publisher.ts';

function setUp({ perSecond = 1000 } = {}) {
  const clock = createFakeClock();
  const sent: { topic: string; payload: string; answer: (acknowledged: boolean) => void }[] = [];
  const state = { connected: true, version: 1 };
  const publisher = createPublisher({
    clock,
    perSecond,
    log: createLog('test', 'silent'),
    sink: {
      connected: () => state.connected,
      publishAcknowledged: (topic, payload) =>
        new Promise((resolve) => {
          sent.push({ topic, payload, answer: resolve });
        }),
    },
    messageFor: (id) => ({ topic: id, payload: `v${state.version}` }),
  });
  return { clock, sent, state, publisher };
}

test('a newer version waits until the one before is acknowledged, and those in between are left out', async () => {
  const { sent, state, publisher } = setUp();
  publisher.publish(['a']);
  state.version = 2;
  publisher.publish(['a']);
  state.version = 3;
  publisher.publish(['a']);
  expect(sent.map(({ payload }) => payload)).toEqual(['v1']);
  const done = publisher.idle();
  sent[0]?.answer(true);
  await Promise.resolve();
  await Promise.resolve();
  expect(sent.map(({ payload }) => payload)).toEqual(['v1', 'v3']);
  sent[1]?.answer(true);
  await done;
});

test('what the broker did not acknowledge is sent again, with the newest version', async () => {
  const { clock, sent, state, publisher } = setUp();
  publisher.publish(['a']);
  const done = publisher.idle();
  sent[0]?.answer(false);
  await Promise.resolve();
  await Promise.resolve();
  state.version = 2;
  expect(sent).toHaveLength(1);
  clock.advance(200);
  expect(sent.map(({ payload }) => payload)).toEqual(['v1', 'v2']);
  sent[1]?.answer(true);
  await done;
});

test('of a large fleet only some messages are on their way at a time', () => {
  const { sent, publisher } = setUp();
  publisher.publish(Array.from({ length: 100 }, (_, index) => `d${index}`));
  expect(sent).toHaveLength(32);
});

test('nothing is sent or kept while the broker is away', async () => {
  const { sent, state, publisher } = setUp();
  state.connected = false;
  publisher.publish(['a']);
  await publisher.idle();
  expect(sent).toEqual([]);
});

test('whatever makes them due, only so many leave in a second, each with the newest version', async () => {
  const { clock, sent, state, publisher } = setUp({ perSecond: 2 });
  const settle = async (): Promise<void> => {
    for (const { answer } of sent) answer(true);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  publisher.publish(['a', 'b', 'c', 'd']);
  expect(sent.map(({ topic }) => topic)).toEqual(['a', 'b']);
  await settle();
  state.version = 2;
  publisher.publish(['e']);
  clock.advance(499);
  expect(sent).toHaveLength(2);
  clock.advance(1);
  await settle();
  clock.advance(1000);
  expect(sent.slice(2).map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(['c v2', 'd v2', 'e v2']);
  const idle = publisher.idle();
  await settle();
  await idle;
});
