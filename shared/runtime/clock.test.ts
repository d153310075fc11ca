import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFakeClock, systemClock } from './clock.ts';

test('a fake clock stands still until it is advanced', () => {
  const clock = createFakeClock();
  expect([clock.nowMs(), clock.wallTime().toISOString()]).toEqual([0, '2020-01-01T00:00:00.000Z']);
  clock.advance(1500);
  expect([clock.nowMs(), clock.wallTime().toISOString()]).toEqual([1500, '2020-01-01T00:00:01.500Z']);
});

test('timers of a fake clock fire in order of their due times, at these times, those of one time in order of setting', () => {
  const delays = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 20 });
  fc.assert(
    fc.property(delays, (list) => {
      const clock = createFakeClock();
      const fired: [number, number][] = [];
      for (const [index, delayMs] of list.entries()) clock.after(delayMs, () => fired.push([clock.nowMs(), index]));
      clock.advance(20);
      expect(fired).toEqual(
        [...list.entries()].map(([i, at]) => [at, i]).toSorted(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j),
      );
    }),
  );
});

test('a fake timer is not due a moment early, and fires once', () => {
  const clock = createFakeClock();
  let fired = 0;
  clock.after(10, () => {
    fired += 1;
  });
  clock.advance(9.999);
  expect(fired).toBe(0);
  clock.advance(100);
  clock.advance(100);
  expect(fired).toBe(1);
});

test('a cancelled fake timer never fires, even when cancelled by one of the same time', () => {
  const clock = createFakeClock();
  const fired: string[] = [];
  clock.after(5, () => {
    fired.push('first');
    cancelSecond();
  });
  const cancelSecond = clock.after(5, () => fired.push('second'));
  clock.advance(10);
  expect(fired).toEqual(['first']);
});

test('a fake timer that sets another within the time advanced sees it fire', () => {
  const clock = createFakeClock();
  const times: number[] = [];
  const again = (): void => {
    times.push(clock.nowMs());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  expect(times).toEqual([10, 20, 30]);
  expect(clock.nowMs()).toBe(35);
});

test('a fake clock that a timer advances does not go back', () => {
  const clock = createFakeClock();
  clock.after(5, () => clock.advance(100));
  clock.advance(10);
  expect(clock.nowMs()).toBe(105);
});

test('the system clock calls back after a delay, not after a cancelled one, and never at once for a long one', async () => {
  const startMs = systemClock.nowMs();
  let early = 0;
  const cancel = [
    systemClock.after(Number.POSITIVE_INFINITY, () => {
      early += 1;
    }),
    systemClock.after(2 ** 40, () => {
      early += 1;
    }),
  ];
  systemClock.after(1, () => {
    early += 1;
  })();
  await new Promise<void>((resolve) => systemClock.after(20, resolve));
  for (const stop of cancel) stop();
  expect(early).toBe(0);
  // The event loop counts whole milliseconds.
  expect(systemClock.nowMs() - startMs).toBeGreaterThan(18);
  expect(Math.abs(systemClock.wallTime().getTime() - Date.now())).toBeLessThan(1000);
});
