import { expect, test } from 'vitest';
import { newWorkerCondition, type WorkerCondition } from '../store/worker-conditions.ts';
import { load } from '../testing/messages.ts';
import { defaultPlacement as settings, startMs } from '../testing/placement.ts';
import { msSince, stepCondition, withAvailability } from './worker-condition.ts';

type Report = ReturnType<typeof load>;

/** @returns the condition after reports that come a second apart */
function after(reports: readonly Report[], before = newWorkerCondition, fromMs = startMs): WorkerCondition {
  let condition = before;
  let previous: Report | null = null;
  for (const [index, report] of reports.entries()) {
    condition = stepCondition({ before: condition, previous, load: report, nowMs: fromMs + 1000 * index, settings });
    previous = report;
  }
  return condition;
}

const times = (count: number, report: Report): Report[] => Array.from({ length: count }, () => report);

test('a busy second is no overload, and ten of them are', () => {
  const calm = times(10, load(0.5));
  expect(after([...calm, load(1)])).toMatchObject({ overloadSinceMs: null });
  const busy = after([...calm, ...times(10, load(1))]);
  expect(busy.overloadSinceMs).toBeGreaterThan(startMs + 10_000);
  expect(busy.utilisation).toBeGreaterThan(0.9);
});

test('overload that hovers below its bound lasts, and ends where it is a fifth lower', () => {
  const overloaded = after(times(10, load(1)));
  const laterMs = startMs + 10_000;
  const hovering = after(times(60, load(0.8)), overloaded, laterMs);
  expect(hovering.overloadSinceMs).toBe(startMs);
  const calm = after(times(60, load(0.6)), hovering, laterMs + 60_000);
  expect(calm.overloadSinceMs).toBeNull();
  expect(calm.overloadEndedMs).toBeGreaterThan(laterMs + 60_000);
});

test('requests that are refused, or wait long, are overload of a worker that is half as busy', () => {
  const refusing = (utilisation: number) =>
    Array.from({ length: 20 }, (_, i) => load(utilisation, { completed: 9 * i, overloaded: i }));
  expect(after(refusing(0.6))).toMatchObject({ refusedShare: expect.closeTo(0.1, 1), overloadSinceMs: startMs + 4000 });
  expect(after(refusing(0.3)).overloadSinceMs).toBeNull();
  expect(after(times(20, load(0.6, { queueMs: 60 }))).overloadSinceMs).toBe(startMs);
  expect(after(times(20, load(0.3, { queueMs: 60 }))).overloadSinceMs).toBeNull();
});

test('a worker that was started again counts from zero', () => {
  const before = { ...load(0.6, { completed: 1000, overloaded: 500 }), boot: 1 };
  const first = { ...load(0.6, { completed: 10, overloaded: 10 }), boot: 2 };
  expect(after([before, first]).refusedShare).toBeLessThan(1);
  expect(after([before, first]).refusedShare).toBeGreaterThan(after([before]).refusedShare);
  expect(after([{ ...before, completed: 0, overloaded: 0 }, first]).refusedShare).toBeCloseTo(0.5 * 0.18, 2);
});

test('a clock that is set back holds nothing up', () => {
  expect(msSince(startMs, startMs - 1)).toBe(Number.POSITIVE_INFINITY);
  expect(msSince(null, startMs)).toBe(Number.POSITIVE_INFINITY);
  const back = stepCondition({
    before: after(times(10, load(1))),
    previous: null,
    load: load(0.1),
    nowMs: startMs - 3_600_000,
    settings,
  });
  expect(back).toMatchObject({ utilisation: expect.closeTo(0.1), overloadSinceMs: null });
});

test('a worker that goes and comes back begins anew, but for when it was overloaded and moved', () => {
  const overloaded = { ...after(times(10, load(1))), availableSinceMs: startMs, movedMs: startMs + 5000 };
  const gone = withAvailability(overloaded, false, startMs + 20_000);
  expect(withAvailability(gone, false, startMs + 30_000)).toBe(gone);
  expect(withAvailability(gone, true, startMs + 30_000)).toEqual({
    ...newWorkerCondition,
    availableSinceMs: startMs + 30_000,
    overloadEndedMs: startMs + 20_000,
    movedMs: startMs + 5000,
  });
});
