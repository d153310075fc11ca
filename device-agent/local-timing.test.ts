import { describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { createLocalTiming, type LocalTiming, reservedMs } from './local-timing.ts';

/** Rehearses the first of these exits that is due. @returns which it was */
async function rehearsed(timing: LocalTiming, clock: FakeClock, exits: number[]): Promise<number | undefined> {
  const computeMs = 2;
  let ran: number | undefined;
  await timing.rehearse(exits, async (exit) => {
    ran = exit;
    clock.advance(computeMs);
    return { computeMs };
  });
  return ran;
}

/** Rehearses the fastest exit if it is due. @returns whether it was */
async function rehearse(timing: LocalTiming, clock: FakeClock): Promise<boolean> {
  return (await rehearsed(timing, clock, [1])) === 1;
}

test('the fastest exit is rehearsed when no whole branch was run for a second, and not before', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1000);
  expect(await rehearse(timing, clock)).toBe(false);
  timing.observe({ exit: 5 }, 4);
  clock.advance(1000);
  expect(await rehearse(timing, clock)).toBe(false);
  clock.advance(1);
  expect(await rehearse(timing, clock)).toBe(true);
  expect(timing.fastest()).toEqual({ runs: 1, p99Ms: 2 });
  clock.advance(900);
  timing.observe({ exit: 1 }, 2);
  clock.advance(900);
  expect(await rehearse(timing, clock)).toBe(false);
});

test('what was run behind a cut keeps no whole branch from being rehearsed', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  clock.advance(1001);
  timing.observe({ exit: 5, continuedFrom: 8 }, 1);
  expect(await rehearse(timing, clock)).toBe(true);
});

test('rehearsals take a fiftieth of a slow processor at most', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  timing.observe({ exit: 1 }, 1200);
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
    [1],
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
  await expect(timing.rehearse([1], () => Promise.reject(new Error('no segment')))).rejects.toThrow('no segment');
  expect(await rehearse(timing, clock)).toBe(false);
  clock.advance(1001);
  expect(await rehearse(timing, clock)).toBe(true);
});

test('of several exits the first that is due is rehearsed, each when it was not run for a second', async () => {
  const clock = createFakeClock();
  const timing = createLocalTiming(clock);
  // That it may be wanted is known from now on.
  expect(await rehearsed(timing, clock, [1, 4])).toBeUndefined();
  timing.timesOf({ exit: 4, predictedMs: 3, fastestMs: 1 });
  clock.advance(1001);
  expect(await rehearsed(timing, clock, [1, 4])).toBe(1);
  expect(await rehearsed(timing, clock, [1, 4])).toBe(4);
  expect(await rehearsed(timing, clock, [1, 4])).toBeUndefined();
});

describe('what a deeper exit takes', () => {
  const branch = { exit: 4, predictedMs: 30, fastestMs: 10 };

  test('is as many times its prediction as the fastest takes, with room, while it was run too few times', () => {
    const timing = createLocalTiming(createFakeClock());
    expect(timing.timesOf(branch)).toEqual({ slowMs: 30, reserveMs: 37.5 });
    timing.observe({ exit: 1 }, 20);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 60, reserveMs: 70 });
    timing.observe({ exit: 4 }, 80);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 80, reserveMs: 90 });
    // Others say nothing of it.
    timing.observe({ exit: 3 }, 500);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 80, reserveMs: 90 });
  });

  test('is what its own recent runs took once there are ten, with room up to a hundred', () => {
    const timing = createLocalTiming(createFakeClock());
    timing.observe({ exit: 1 }, 20);
    for (let run = 0; run < 10; run += 1) timing.observe({ exit: 4 }, 32);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 32, reserveMs: 40 });
    for (let run = 0; run < 90; run += 1) timing.observe({ exit: 4 }, 32);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 32, reserveMs: 32 });
    expect(timing.timesOf({ ...branch, predictedMs: 50 })).toEqual({ slowMs: 50, reserveMs: 50 });
  });

  test('is taken from the fastest again where its own runs are long ago', () => {
    const clock = createFakeClock();
    const timing = createLocalTiming(clock);
    timing.observe({ exit: 1 }, 20);
    for (let run = 0; run < 200; run += 1) timing.observe({ exit: 4 }, 32);
    // Ten times a fiftieth of the processor.
    clock.advance(10 * 50 * 32);
    expect(timing.timesOf(branch).slowMs).toBe(32);
    clock.advance(1);
    expect(timing.timesOf(branch)).toEqual({ slowMs: 60, reserveMs: 70 });
  });

  test('behind a cut is known apart from its whole branch, and from other cuts', () => {
    const timing = createLocalTiming(createFakeClock());
    for (let run = 0; run < 100; run += 1) timing.observe({ exit: 4, continuedFrom: 8 }, 32);
    expect(timing.timesOf({ ...branch, continuedFrom: 8 })).toEqual({ slowMs: 32, reserveMs: 32 });
    expect(timing.timesOf({ ...branch, continuedFrom: 7 })).toEqual({ slowMs: 30, reserveMs: 37.5 });
    expect(timing.timesOf(branch)).toEqual({ slowMs: 30, reserveMs: 37.5 });
  });

  test('behind a cut and less than the fastest is as many milliseconds longer: threads wake late for little work too', () => {
    const timing = createLocalTiming(createFakeClock());
    timing.observe({ exit: 1 }, 18);
    expect(timing.timesOf({ exit: 4, continuedFrom: 8, predictedMs: 2, fastestMs: 10 })).toEqual({
      slowMs: 10,
      reserveMs: 12.5,
    });
    expect(timing.timesOf({ exit: 1, continuedFrom: 2, predictedMs: 2, fastestMs: 10 }).slowMs).toBe(10);
  });

  test('of the fastest is what a rescue on it needs', () => {
    const timing = createLocalTiming(createFakeClock());
    timing.observe({ exit: 1 }, 20);
    const fastest = { exit: 1, predictedMs: 10, fastestMs: 10 };
    expect(timing.timesOf(fastest)).toEqual({ slowMs: 20, reserveMs: timing.rescueMs(10) });
  });
});

test('what a rescue needs is the prediction, or what recent runs took if that is more, and room for what was not seen', () => {
  const timing = createLocalTiming(createFakeClock());
  expect(timing.rescueMs(10)).toBe(12.5);
  timing.observe({ exit: 1 }, 12);
  expect([timing.rescueMs(10), timing.rescueMs(20)]).toEqual([15, 25]);
  for (let i = 0; i < 4; i += 1) timing.observe({ exit: 1 }, 300);
  expect(timing.rescueMs(10)).toBeCloseTo(310, 9);
  expect(timing.fastest()).toEqual({ runs: 5, p99Ms: 300 });
});

test('what many runs took needs no room, but their slowest counts, up to four tenths above the 99th percentile', () => {
  expect(reservedMs({ runs: 99, p99Ms: 20, slowestMs: 20 })).toBe(25);
  expect(reservedMs({ runs: 100, p99Ms: 20, slowestMs: 20 })).toBe(20);
  expect(reservedMs({ runs: 500, p99Ms: 20, slowestMs: 25 })).toBe(25);
  expect(reservedMs({ runs: 500, p99Ms: 20, slowestMs: 90 })).toBeCloseTo(28, 9);
});
