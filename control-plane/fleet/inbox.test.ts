import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createInbox } from './inbox.ts';

function setUp(handle?: (batch: readonly number[]) => void) {
  const clock = createFakeClock();
  const batches: number[][] = [];
  const inbox = createInbox<number>({
    clock,
    log: createLog('test', 'silent'),
    handle(batch) {
      handle?.(batch);
      batches.push([...batch]);
    },
  });
  return { clock, batches, inbox };
}

test('what may wait is handled together after 100 ms', () => {
  const { clock, batches, inbox } = setUp();
  inbox.push(1, false);
  inbox.push(2, false);
  clock.advance(99);
  expect(batches).toEqual([]);
  clock.advance(1);
  expect(batches).toEqual([[1, 2]]);
});

test('an urgent item takes along those before it, in their order', () => {
  const { clock, batches, inbox } = setUp();
  inbox.push(1, false);
  inbox.push(2, true);
  inbox.push(3, false);
  clock.advance(0);
  expect(batches).toEqual([[1, 2, 3]]);
});

test('a hundred items are handled without waiting', () => {
  const { batches, inbox } = setUp();
  for (let item = 0; item < 100; item += 1) inbox.push(item, false);
  expect(batches.map((batch) => batch.length)).toEqual([100]);
});

test('a batch that the store refuses is tried again, in order and whole', () => {
  let failures = 2;
  const { clock, batches, inbox } = setUp(() => {
    if (failures-- > 0) throw new Error('locked');
  });
  inbox.push(1, true);
  clock.advance(0);
  inbox.push(2, true);
  clock.advance(1000);
  expect(batches).toEqual([]);
  clock.advance(1000);
  expect(batches).toEqual([[1, 2]]);
});

test('what waits is bounded, and what finds no room is counted', () => {
  const { inbox } = setUp(() => {
    throw new Error('locked');
  });
  for (let item = 0; item < 20_003; item += 1) inbox.push(item, false);
  expect(inbox.dropped()).toBe(3);
});

test('closing handles what still waits', () => {
  const { batches, inbox } = setUp();
  inbox.push(1, false);
  inbox.close();
  expect(batches).toEqual([[1]]);
});
