import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.ts';
import { createNoise } from '../testing/bandwidth-series.ts';
import { planningInput, type SmallExit } from '../testing/planning-input.ts';
import { fastestLocalMs } from './admissible-plans.ts';
import { planLocal, planStatic } from './algorithm-1.ts';
import { type CorrectionTracker, createCorrectionTracker, movementOf, type PartTimes } from './correction.ts';
import { predict } from './predict.ts';

const expected: PartTimes = { device: 20, worker: 10, transfer: 30 };

/** @param factors how many times longer the parts really take */
function serve(tracker: CorrectionTracker, frames: number, factors: Partial<PartTimes>, noise = () => 1): void {
  for (let frame = 0; frame < frames; frame += 1) {
    tracker.observe(expected, {
      device: expected.device * (factors.device ?? 1) * noise(),
      worker: expected.worker * (factors.worker ?? 1) * noise(),
      transfer: expected.transfer * (factors.transfer ?? 1) * noise(),
    });
  }
}

describe('factors between predicted and measured times', () => {
  test.each([0.2, 0.5, 1.5, 3, 8])('a worker that is %s times as slow is known for it within ten frames', (k) => {
    const tracker = createCorrectionTracker();
    serve(tracker, 40, {});
    serve(tracker, 10, { worker: k });
    const { worker, device } = tracker.factors();
    expect(Math.abs(Math.log(worker / k))).toBeLessThan(0.07 * Math.abs(Math.log(k)));
    expect(device).toBeCloseTo(1, 12);
  });

  test.each([0.7, 1.3])(
    'tables that are off by 30 % are right within 3 % after ten frames, under noise after thirty',
    (k) => {
      const exact = createCorrectionTracker();
      serve(exact, 10, { device: k });
      expect(Math.abs(exact.factors().device / k - 1)).toBeLessThan(0.03);
      const noisy = createCorrectionTracker();
      serve(noisy, 30, { device: k }, createNoise('log-normal', 0.1, seededRandom(1)));
      expect(Math.abs(noisy.factors().device / k - 1)).toBeLessThan(0.1);
    },
  );

  test('two frames that were held up, however long, move nothing', () => {
    const tracker = createCorrectionTracker();
    serve(tracker, 2, { device: 1000, worker: 1000 });
    serve(tracker, 3, {});
    expect(tracker.factors()).toEqual({ device: 1, worker: 1, transfer: 1 });
  });

  test('a time as short as the clocks are exact moves its factor less', () => {
    const [short, long] = [createCorrectionTracker(), createCorrectionTracker()];
    for (let frame = 0; frame < 5; frame += 1) {
      short.observe({ worker: 0.05 }, { worker: 0.15 });
      long.observe({ worker: 50 }, { worker: 150 });
    }
    expect(short.factors().worker).toBeGreaterThan(1);
    expect(short.factors().worker).toBeLessThan(long.factors().worker);
  });

  test('whatever is measured, the factors stay within their bounds', () => {
    const anything = fc.record({ device: fc.double(), worker: fc.double(), transfer: fc.double() });
    fc.assert(
      fc.property(fc.array(fc.tuple(anything, anything), { maxLength: 60 }), (frames) => {
        const tracker = createCorrectionTracker();
        for (const [prediction, measured] of frames) tracker.observe(prediction, measured);
        for (const factor of Object.values(tracker.factors())) {
          expect(factor).toBeGreaterThanOrEqual(1 / 16 - 1e-12);
          expect(factor).toBeLessThanOrEqual(16 + 1e-12);
        }
      }),
    );
  });

  test('a part that is another one begins anew', () => {
    const tracker = createCorrectionTracker();
    serve(tracker, 60, { device: 2, worker: 2 });
    tracker.reset('worker');
    expect(tracker.factors()).toMatchObject({ worker: 1 });
    expect(Object.keys(tracker.drift())).toEqual(['device']);
  });
});

describe('a device whose segments are off each in its own way', () => {
  /** Runs the segments in turn, each for so long. */
  function run(tracker: CorrectionTracker, segments: Record<string, number>, frames: number, slow = 1): void {
    for (const [segment, factor] of Object.entries(segments)) {
      for (let frame = 0; frame < frames; frame += 1) {
        tracker.observe({ device: 20 }, { device: 20 * factor * slow }, { segment });
      }
    }
  }
  const predicted = (tracker: CorrectionTracker, segment: string): number =>
    tracker.factors().device * tracker.segmentFactor(segment);
  const off = { head: 1.2, branch: 1, tail: 0.9 };

  test('is known for each of them after a few runs, and for those never run by what they have in common', () => {
    const tracker = createCorrectionTracker();
    run(tracker, off, 8);
    for (const [segment, factor] of Object.entries(off)) expect(predicted(tracker, segment)).toBeCloseTo(factor, 9);
    expect(predicted(tracker, 'other')).toBeCloseTo((1.2 * 1 * 0.9) ** (1 / 3), 9);
  });

  test('shows nothing of one segment in the times of another, however they take turns', () => {
    const tracker = createCorrectionTracker();
    run(tracker, off, 8);
    for (let turn = 0; turn < 30; turn += 1) run(tracker, off, 1 + (turn % 7));
    for (const [segment, factor] of Object.entries(off)) expect(predicted(tracker, segment)).toBeCloseTo(factor, 2);
  });

  test('is slower in all of its segments when it becomes slower while it runs one', () => {
    const tracker = createCorrectionTracker();
    run(tracker, { tail: 0.9, branch: 1, head: 1.2 }, 8);
    run(tracker, { head: 1.2 }, 12, 2);
    expect(predicted(tracker, 'head')).toBeGreaterThan(0.93 * 2.4);
    expect(predicted(tracker, 'tail')).toBeGreaterThan(0.93 * 1.8);
  });

  test('has a segment known anew that has become another one for good, after a few turns, and the others as before', () => {
    const tracker = createCorrectionTracker();
    run(tracker, { head: 1.2, branch: 1 }, 8);
    for (let turn = 0; turn < 6; turn += 1) run(tracker, { head: 1.6, branch: 1 }, 12);
    expect(predicted(tracker, 'head')).toBeCloseTo(1.6, 1);
    expect(predicted(tracker, 'branch')).toBeCloseTo(1, 1);
    run(tracker, { head: 1.6 }, 1);
    expect(predicted(tracker, 'branch')).toBeCloseTo(1, 1);
  });

  test('is followed by what is run between frames too, which ends no run of theirs', () => {
    const tracker = createCorrectionTracker();
    run(tracker, { head: 1.2 }, 8);
    for (let i = 0; i < 6; i += 1) {
      tracker.observe({ device: 100 }, { device: 95 }, { segment: 'whole', between: true });
      run(tracker, { head: 1.2 }, 1);
    }
    expect(predicted(tracker, 'whole')).toBeCloseTo(0.95, 9);
    for (let i = 0; i < 12; i += 1) {
      tracker.observe({ device: 100 }, { device: 190 }, { segment: 'whole', between: true });
      run(tracker, { head: 1.2 }, 2, 2);
    }
    expect(predicted(tracker, 'head')).toBeGreaterThan(0.93 * 2.4);
  });

  test('is not moved by two runs that were held up, and is told as drifting where all of it is slow', () => {
    const tracker = createCorrectionTracker();
    run(tracker, { head: 1000 }, 2);
    run(tracker, { head: 1 }, 6);
    expect(predicted(tracker, 'head')).toBeCloseTo(1, 9);
    run(tracker, { head: 2 }, 80);
    expect(tracker.drift()).toEqual({ device: expect.closeTo(2, 1) });
    tracker.reset('device');
    expect([predicted(tracker, 'head'), tracker.drift()]).toEqual([1, {}]);
  });
});

describe('a drift', () => {
  test('is told after fifty frames beyond the threshold, and no longer when it is over', () => {
    const tracker = createCorrectionTracker();
    serve(tracker, 50, { device: 1.4, worker: 0.5 });
    expect(tracker.drift()).toEqual({});
    serve(tracker, 10, { device: 1.4, worker: 0.5 });
    expect(tracker.drift()).toEqual({ worker: expect.closeTo(0.5, 3) });
    serve(tracker, 10, {});
    expect(tracker.drift()).toEqual({});
  });

  test('counts only frames that the part had a share in', () => {
    const tracker = createCorrectionTracker();
    serve(tracker, 20, { worker: 3 });
    for (let frame = 0; frame < 100; frame += 1) tracker.observe({ device: 10 }, { device: 10, worker: 0 });
    expect(tracker.drift()).toEqual({});
  });
});

describe('what a map was built with', () => {
  const before = { device: 1, worker: 1, delayMs: 20, segments: [] };
  const at = (change: object) => movementOf(before, { ...before, ...change }, 100);
  const still = { device: 0, worker: 0, delayMs: 0, segments: 0, isLarge: false };

  test('has moved when a factor, or the delay as a share of the deadline, is more than 15 % off', () => {
    expect([at({ device: 1.14 }), at({ worker: 0.88 }), at({ delayMs: 34 })]).toEqual([still, still, still]);
    expect(at({ device: 1.16, worker: 0.86, delayMs: 36 })).toEqual({
      device: 1,
      worker: -1,
      delayMs: 1,
      segments: 0,
      isLarge: false,
    });
    expect(at({ delayMs: 4 })).toEqual({ ...still, delayMs: -1 });
  });

  test('has moved far from a factor of 2 and from half of the deadline on, up or down', () => {
    expect([at({ device: 1.99 }), at({ worker: 0.51 }), at({ delayMs: 69 })].map(({ isLarge }) => isLarge)).toEqual([
      false,
      false,
      false,
    ]);
    expect([at({ device: 2 }), at({ worker: 0.5 }), at({ delayMs: 70 })].map(({ isLarge }) => isLarge)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('segments that a map was built with', () => {
  const head = { exit: 1, partition: 2, direction: 'device-first', factor: 1.2, tableMs: 30 } as const;
  const base = { device: 1, worker: 1, delayMs: 20, segments: [head] };
  const moved = (segments: (typeof head)[] | { factor: number }[]) =>
    movementOf(base, { ...base, segments: segments.map((each) => ({ ...head, ...each })) }, 100).segments;

  test('have moved when one of them is more than 15 % off, another one of them or no more', () => {
    expect([moved([{ factor: 1.2 }]), moved([{ factor: 1.37 }]), moved([{ factor: 1.05 }])]).toEqual([0, 0, 0]);
    expect([moved([{ factor: 1.39 }]), moved([{ factor: 1.04 }]), moved([])]).toEqual([1, 1, 1]);
    const other = { ...head, partition: 3 };
    expect(movementOf(base, { ...base, segments: [head, { ...other, factor: 0.86 }] }, 100).segments).toBe(1);
    expect(movementOf(base, { ...base, segments: [head, { ...other, factor: 0.88 }] }, 100).segments).toBe(0);
  });

  test('have not where they take hardly any of the deadline', () => {
    const short = { ...head, tableMs: 0.3, factor: 3 };
    expect(movementOf(base, { ...base, segments: [head, short] }, 100).segments).toBe(0);
    expect(movementOf(base, { ...base, device: 2, segments: [head, short] }, 100)).toMatchObject({ segments: 1 });
  });
});

describe('a corrected input', () => {
  const exit: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
  const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
  const input = planningInput([exit, deep]);
  const corrected = { ...input, correction: { device: 2, worker: 3 } };
  const plan = { exit: 2, partition: 1, direction: 'device-first', encoding: 'f32' } as const;

  test('predicts the parts multiplied, and all else as before', () => {
    const [before, after] = [predict(input, plan), predict(corrected, plan)];
    expect(after?.breakdownMs).toEqual({ ...before?.breakdownMs, device: 40, worker: 60 });
    expect(after?.totalMs).toBeCloseTo((before?.totalMs ?? 0) + 20 + 40, 9);
    expect(fastestLocalMs(corrected)).toBe(20);
    expect(planLocal(corrected, 150)?.plan.exit).toBe(1);
  });

  test('a worker that has become slow is left for the device, or for a shallower exit', () => {
    expect(planStatic(input)).toMatchObject({ chosen: { plan: { exit: 2, partition: 0 } } });
    const slow = planStatic({ ...input, correction: { device: 1, worker: 8 } });
    expect(slow).toMatchObject({ kind: 'feasible', chosen: { plan: { exit: 2, partition: 2 } } });
  });

  test('a factor that is no number is refused by name', () => {
    const broken = { ...input, correction: { device: Number.NaN, worker: 1 } };
    expect(() => planStatic(broken)).toThrow('correction.device');
  });
});
