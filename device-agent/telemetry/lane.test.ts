import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import type { Batch } from './batch.ts';
import { createLane } from './lane.ts';

const batch: Batch = { boot: 7, covers: { first: 1, last: 2 }, reports: [{ sequence: 1, json: '{}' }] };
const question = { boot: 7, covers: undefined, reports: [] };

function setUp(options: { random?: () => number; takes?: () => boolean } = {}) {
  const { random = () => 0, takes = () => true } = options;
  const clock = createFakeClock();
  const sent: { atMs: number; batch: Batch }[] = [];
  const accepted: Batch[] = [];
  const lane = createLane({
    source: { peek: () => batch, accepted: (one) => void accepted.push(one) },
    send(one) {
      if (!takes()) return 0;
      sent.push({ atMs: clock.nowMs(), batch: one });
      return 100;
    },
    clock,
    random,
  });
  return { clock, lane, sent, accepted, batches: () => sent.map((one) => one.batch) };
}

test('one batch is on its way at a time, until all of it is there', () => {
  const { lane, accepted, batches } = setUp();
  expect([lane.sendNext(9), lane.sendNext(9)]).toEqual([100, 0]);
  lane.acknowledged(7, [{ first: 1, last: 1 }]);
  lane.acknowledged(8, [{ first: 1, last: 2 }]);
  expect([lane.sendNext(9), accepted]).toEqual([0, []]);
  lane.acknowledged(7, [{ first: 1, last: 2 }]);
  expect(accepted).toEqual([batch]);
  expect(lane.sendNext(9)).toBe(100);
  expect(batches()).toEqual([batch, batch]);
});

test('what is not acknowledged is asked for, and sent again only when it is not there', () => {
  const { clock, lane, batches } = setUp();
  lane.sendNext(9);
  clock.advance(3000);
  expect(batches()).toEqual([batch, question]);
  expect(lane.sendNext(9)).toBe(0);
  lane.acknowledged(7, []);
  lane.sendNext(9);
  expect(batches()).toEqual([batch, question, batch]);
});

test('a control plane that is away is asked ever more seldom, at random, and sent nothing else', () => {
  const { clock, lane, sent } = setUp({ random: () => 0.5 });
  lane.sendNext(9);
  clock.advance(600_000);
  const gaps = sent.slice(1).map(({ atMs }, index) => atMs - (sent[index]?.atMs ?? 0));
  expect(gaps.slice(0, 6)).toEqual([3750, 7500, 15_000, 30_000, 60_000, 75_000]);
  expect(new Set(gaps.slice(5))).toEqual(new Set([75_000]));
  expect(sent.slice(1).every((one) => one.batch.covers === undefined)).toBe(true);
});

test('after a new connection it asks at once, and has its patience again', () => {
  const { clock, lane, sent, batches } = setUp();
  lane.reconnected();
  expect(batches()).toEqual([]);
  lane.sendNext(9);
  clock.advance(100_000);
  sent.length = 0;
  lane.reconnected();
  clock.advance(3000);
  expect(batches()).toEqual([question, question]);
});

test('a question is answered by whatever the answer is', () => {
  const { lane, accepted } = setUp();
  const asking = createLane({
    source: { peek: () => question, accepted: (one) => void accepted.push(one) },
    send: () => 50,
    clock: createFakeClock(),
    random: () => 0,
  });
  asking.sendNext(9);
  expect(asking.sendNext(9)).toBe(0);
  asking.acknowledged(7, []);
  expect(accepted).toEqual([question]);
  lane.close();
});

test('a batch that the connection does not take is not on its way', () => {
  let takes = false;
  const { clock, lane, batches } = setUp({ takes: () => takes });
  expect(lane.sendNext(9)).toBe(0);
  clock.advance(100_000);
  takes = true;
  expect(lane.sendNext(9)).toBe(100);
  expect(batches()).toEqual([batch]);
});
