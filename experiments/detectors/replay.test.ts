import { expect, test } from 'vitest';
import { type BandwidthTrace, constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import { planStates, replay } from './replay.ts';

/** A slow state with a plan for the device alone, and a fast one with the deepest exit on the worker. */
const plans = planStates([
  { mbps: 0.2, fromMbps: 0 },
  { mbps: 5, fromMbps: 2 },
]);

function seconds(rates: readonly number[]): BandwidthTrace {
  return {
    name: 'test',
    steps: rates.map((mbps, i) => ({ startMs: i * 1000, mbps })),
    durationMs: rates.length * 1000,
  };
}

/** Says one state after another, the last for ever, and keeps what it was shown. */
function scripted(states: readonly number[]) {
  const seen: number[] = [];
  return { seen, observe: (mbps: number) => states[Math.min(seen.push(mbps), states.length) - 1] ?? 0 };
}

const exact = () => 1;

test('the deadline makes plans differ with the rate: from the shallowest exit alone to the deepest on the worker', () => {
  expect(plans.map(({ plan }) => [plan.exit, plan.partition])).toEqual([
    [1, 2],
    [5, 0],
  ]);
  const byRate = planStates(Array.from({ length: 50 }, (_, i) => ({ mbps: (i + 1) / 10, fromMbps: i / 10 })));
  expect(new Set(byRate.map(({ plan }) => plan.exit))).toEqual(new Set([1, 2, 3, 4, 5]));
  expect(byRate.every(({ prediction }) => prediction.totalMs <= 95)).toBe(true);
});

test('each frame is planned with the seconds before it, as they were measured', () => {
  const detector = scripted([0]);
  const outcome = replay({ trace: seconds([1, 2, 3, 4]), factorAt: (t) => 10 ** t, plans, detector });
  expect(detector.seen).toEqual([1, 20, 300]);
  expect(outcome.frames).toBe(3);
});

test('a frame meets its deadline where the link as it is carries it in time', () => {
  const rates = [5, 5, 1, 5, 5];
  const always = (state: number) =>
    replay({ trace: seconds(rates), factorAt: exact, plans, detector: scripted([state]) });
  expect(always(1)).toMatchObject({ frames: 4, met: 3, switches: 0 });
  expect(always(1).accuracyIfMet).toBeCloseTo(3 * 0.89, 9);
  // Nothing is sent: no link can make it late.
  expect(always(0)).toMatchObject({ frames: 4, met: 4, switches: 0 });
  expect(always(0).accuracyIfMet).toBeCloseTo(4 * 0.72, 9);
});

test('an upload takes what the trace says, to the millisecond', () => {
  // 10 ms round trip, 60 ms on the worker, and about 103 kilobits to send in what is left.
  const metAt = (mbps: number) =>
    replay({ trace: seconds([mbps, mbps]), factorAt: exact, plans, detector: scripted([1]) }).met;
  const [, deepest] = plans;
  const uploadKilobits = ((deepest?.prediction.uploadBytes ?? 0) * 8) / 1000;
  const leftMs = 100 - ((deepest?.prediction.totalMs ?? 0) - uploadKilobits / 5);
  expect(metAt((uploadKilobits / leftMs) * 1.001)).toBe(1);
  expect(metAt((uploadKilobits / leftMs) * 0.999)).toBe(0);
});

test('a switch is another plan, not another state', () => {
  const same = planStates([
    { mbps: 5, fromMbps: 0 },
    { mbps: 6, fromMbps: 5.5 },
  ]);
  const trace = seconds([5, 5, 5, 5, 5]);
  expect(replay({ trace, factorAt: exact, plans: same, detector: scripted([0, 1, 0, 1]) }).switches).toBe(0);
  expect(replay({ trace, factorAt: exact, plans, detector: scripted([0, 1, 0, 0]) }).switches).toBe(2);
});

test('a trace too short for a frame has none', () => {
  expect(replay({ trace: constantTrace(1), factorAt: exact, plans, detector: scripted([0]) }).frames).toBe(0);
});
