import { expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { createLocalTiming, type LocalTiming, reservedMs } from './local-timing.ts';

/** Rehearses if it is due. @returns whether it was */
async function rehearse(timing: LocalTiming, clock: FakeClock, computeMs = 2): Promise<boolean> {
  let wasRun = false;
  await timing.rehearse(async () => {
    wasRun = true;
    clock.advance(computeMs);
    return { computeMs };
  });
  return wasRun;
}

test('the fastest exit is rehearsed when no whole branch was run for a second, and not before', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1000);
  expect(await rehearse(timing, clock)).toBe(false);
  timing.observe(5, 4);
  clock.advance(1000);
  expect(await rehearse(timing, clock)).toBe(false);
  clock.advance(1);
  expect(await rehearse(timing, clock)).toBe(true);
  expect(timing.fastest()).toEqual({ runs: 1, p99Ms: 2 });
  clock.advance(900);
  timing.observe(1, 2);
  clock.advance(900);
  expect(await rehearse(timing, clock)).toBe(false);
});

test('rehearsals take a fiftieth of a slow processor at most', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  timing.observe(1, 1200);
  clock.advance(50 * 1200);
  expect(await rehearse(timing, clock)).toBe(false);
  clock.advance(1);
  expect(await rehearse(timing, clock)).toBe(true);
});

test('while one rehearsal goes on, however long, no other begins', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1001);
  let finish = (_result: { computeMs: number }): void => undefined;
  const first = timing.rehearse(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  );
  clock.advance(5000);
  expect(await rehearse(timing, clock)).toBe(false);
  finish({ computeMs: 5000 });
  await first;
  expect(timing.fastest()).toEqual({ runs: 1, p99Ms: 5000 });
});

test('one that failed is told of, and tried again when it is due again', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1001);
  await expect(timing.rehearse(() => Promise.reject(new Error('no segment')))).rejects.toThrow('no segment');
  expect(await rehearse(timing, clock)).toBe(false);
  clock.advance(1001);
  expect(await rehearse(timing, clock)).toBe(true);
});

test('what a rescue needs is the prediction, or what recent runs took if that is more, and room for what was not seen', () => {
  const timing = createLocalTiming(createFakeClock());
  expect(timing.rescueMs(10)).toBe(12.5);
  timing.observe(1, 12);
  expect([timing.rescueMs(10), timing.rescueMs(20)]).toEqual([15, 25]);
  for (let i = 0; i < 4; i += 1) timing.observe(1, 300);
  expect(timing.rescueMs(10)).toBeCloseTo(310, 9);
  expect(timing.fastest()).toEqual({ runs: 5, p99Ms: 300 });
});

test('what many runs took needs no room, but their slowest counts, up to four tenths above the 99th percentile', () => {
  expect(reservedMs({ runs: 99, p99Ms: 20, slowestMs: 20 })).toBe(25);
  expect(reservedMs({ runs: 100, p99Ms: 20, slowestMs: 20 })).toBe(20);
  expect(reservedMs({ runs: 500, p99Ms: 20, slowestMs: 25 })).toBe(25);
  expect(reservedMs({ runs: 500, p99Ms: 20, slowestMs: 90 })).toBeCloseTo(28, 9);
});
