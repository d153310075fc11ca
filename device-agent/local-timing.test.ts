import { expect, test } from 'vitest';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLocalTiming } from './local-timing.ts';

test('the fastest exit is rehearsed when it was not run for a second, and not before', () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1000);
  expect(timing.isRehearsalDue()).toBe(false);
  clock.advance(1);
  expect(timing.isRehearsalDue()).toBe(true);
  timing.observe(5, 4);
  expect(timing.isRehearsalDue()).toBe(true);
  timing.observe(1, 2);
  expect(timing.isRehearsalDue()).toBe(false);
});

test('rehearsals take a fiftieth of a slow processor at most', () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  timing.observe(1, 1200);
  clock.advance(50 * 1200);
  expect(timing.isRehearsalDue()).toBe(false);
  clock.advance(1);
  expect(timing.isRehearsalDue()).toBe(true);
});

test('what a rescue needs is the prediction, or what recent runs took if that is more', () => {
  const timing = createLocalTiming(createFakeClock());
  expect(timing.rescueMs(10)).toBe(10);
  timing.observe(1, 12);
  expect([timing.rescueMs(10), timing.rescueMs(20)]).toEqual([12, 20]);
  expect(timing.fastest()).toEqual({ runs: 1, p99Ms: 12 });
});
