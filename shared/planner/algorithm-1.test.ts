import { describe, expect, test } from 'vitest';
import { planningInput, planTables, type SmallExit } from '../testing/planning-input.ts';
import { fastestLocalMs } from './admissible-plans.ts';
import { type PlanningResult, planLocal, planStatic } from './algorithm-1.ts';
import { describePlan } from './plan.ts';
import type { PlanningInput } from './predict.ts';
import { preparePlans } from './prepared-plans.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const middle: SmallExit = { accuracy: 0.797, headMs: [0, 20, 40], tailMs: [9, 5, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };

function choice(result: PlanningResult): string {
  return result.kind === 'no-plan' ? 'none' : `${result.kind} ${describePlan(result.chosen.plan)}`;
}

function withoutWorker(input: PlanningInput): PlanningInput {
  return { ...input, offload: null };
}

describe('the plan chosen', () => {
  test('is the most accurate exit that the deadline allows, cut where T is least', () => {
    // f32 over 8 Mbit/s: the input takes 12.3 ms, the cut 2.2 ms.
    expect(choice(planStatic(planningInput([shallow, deep])))).toBe('feasible exit2 @0 f32');
    expect(choice(planStatic(planningInput([shallow, deep], { deadlineMs: 35 })))).toBe('feasible exit1 @1 f32');
  });

  test('is the faster of two exits whose accuracies differ by no more than the tolerance', () => {
    expect(choice(planStatic(planningInput([middle, deep], { accuracyTolerance: 0.005 })))).toMatch(/^feasible exit1/);
    expect(choice(planStatic(planningInput([middle, deep], { accuracyTolerance: 0.002 })))).toMatch(/^feasible exit2/);
  });

  test('counts a difference of just the tolerance as equal, for all accuracies in whole per mille', () => {
    for (let perMille = 5; perMille <= 1000; perMille += 1) {
      const exits = [
        { ...middle, accuracy: (perMille - 5) / 1000 },
        { ...deep, accuracy: perMille / 1000 },
      ];
      const result = planStatic(planningInput(exits, { accuracyTolerance: 0.005 }));
      expect(choice(result), `${perMille} per mille`).toMatch(/^feasible exit1/);
    }
  });

  test('has the next best exit as runner-up, none where no other is feasible', () => {
    const result = planStatic(planningInput([shallow, middle, deep]));
    expect(result.kind === 'feasible' && [result.chosen.plan.exit, result.runnerUp?.plan.exit]).toEqual([3, 2]);
    const alone = planStatic(planningInput([shallow]));
    expect(alone.kind === 'feasible' && alone.runnerUp).toBeNull();
  });

  test('leaves the margin between its end and the deadline', () => {
    const exits = [shallow, middle];
    expect(choice(planStatic(withoutWorker(planningInput(exits, { deadlineMs: 40 }))))).toMatch(/^feasible exit2/);
    expect(choice(planStatic(withoutWorker(planningInput(exits, { deadlineMs: 40, marginMs: 1 }))))).toMatch(
      /^feasible exit1/,
    );
  });

  test('runs whole on the device where there is nobody to offload to, or no direction that may be used', () => {
    expect(choice(planStatic(withoutWorker(planningInput([shallow, deep]))))).toBe('feasible exit2 @2 f32');
    expect(choice(planStatic(planningInput([shallow, deep], { directions: [] })))).toBe('feasible exit2 @2 f32');
  });

  test('is edge-first where that is faster and allowed; edge-only belongs to either direction', () => {
    // The worker's head takes 2 ms, the device's tail 3 ms; the other way round it is 20 and 25 ms.
    const late: SmallExit = { accuracy: 0.8, headMs: [0, 2, 90], tailMs: [50, 3, 0], elements: [3000, 500, 10] };
    const slowHead = planTables([{ ...late, headMs: [0, 60, 90] }]).device;
    const plans = preparePlans({ ...planTables([late]), device: slowHead });
    const both = planningInput([late], { directions: ['device-first', 'edge-first'] });
    expect(choice(planStatic({ ...both, plans }))).toBe('feasible exit1 @1 f32 edge-first');
    expect(choice(planStatic({ ...planningInput([late]), plans }))).toBe('feasible exit1 @0 f32');
    const edgeOnly = planningInput([shallow, deep], { directions: ['edge-first'], deadlineMs: 45 });
    expect(choice(planStatic(edgeOnly))).toBe('feasible exit2 @0 f32');
  });

  test('is another one where the policy’s objective is another one', () => {
    const exits = [shallow, middle, deep];
    const objectives = ['accuracy', 'latency', 'paper'] as const;
    const chosen = objectives.map((objective) => choice(planStatic(planningInput(exits, { objective }))));
    expect(chosen).toEqual(['feasible exit3 @0 f32', 'feasible exit1 @1 f32', 'feasible exit1 @1 f32']);
    // Ten thousand times exp(0.800) − exp(0.797) outweighs any throughput.
    const rewardWeights = { accuracy: 10_000, throughput: 1 };
    expect(choice(planStatic(planningInput(exits, { objective: 'paper', rewardWeights })))).toMatch(/^feasible exit3/);
  });

  test('is as accurate as its encoding leaves it', () => {
    const exit: SmallExit = { ...deep, encodedAccuracy: { u8: [0.5, 0.79] } };
    const planned = (minimumAccuracy: number, accuracyTolerance: number): PlanningResult =>
      planStatic({
        ...planningInput([exit], { minimumAccuracy, accuracyTolerance, deadlineMs: 200, encodings: ['f32', 'u8'] }),
        offload: { queueMs: 0, link: { uplinkMbps: 1, downlinkMbps: 8, rttMs: 0 } },
      });
    // At 1 Mbit/s the cut takes 17 ms in f32 and 5 ms in u8, which costs a point; the input in u8 costs thirty.
    expect(choice(planned(0, 0))).toBe('feasible exit1 @1 f32');
    expect(choice(planned(0, 0.02))).toBe('feasible exit1 @1 u8');
    const result = planned(0, 0.02);
    expect(result.kind === 'feasible' && result.chosen.accuracy).toBe(0.79);
    expect(choice(planned(0.795, 0.02))).toBe('feasible exit1 @1 f32');
  });

  test('is none that is left out', () => {
    const input = planningInput([shallow, deep]);
    const allow = (plan: { exit: number; partition: number }): boolean => plan.exit === 2 && plan.partition === 1;
    expect(choice(planStatic({ ...input, allow }))).toBe('feasible exit2 @1 f32');
  });
});

describe('a plan is admissible', () => {
  // Alone, exit 1 takes 10 ms; the head of exit 2 takes 20 ms, and 45 ms with the rest.
  const savable = (deadlineMs: number, marginMs = 0): string =>
    choice(
      planStatic({
        ...planningInput([shallow, deep], { deadlineMs, marginMs }),
        allow: ({ partition }) => partition > 0,
      }),
    );

  test('only if after its head, with the margin, the fastest exit can still be run whole', () => {
    const late: SmallExit = { accuracy: 0.9, headMs: [0, 35, 90], tailMs: [99, 1, 0], elements: [3000, 10, 10] };
    const input = (deadlineMs: number, marginMs: number): PlanningInput => ({
      ...planningInput([shallow, late], { deadlineMs, marginMs }),
      allow: ({ partition, exit }) => partition === 1 || exit === 1,
    });
    expect(choice(planStatic(input(45, 0)))).toBe('feasible exit2 @1 f32');
    expect(choice(planStatic(input(44, 0)))).toMatch(/^feasible exit1/);
    expect(choice(planStatic(input(49, 5)))).toMatch(/^feasible exit1/);
    expect(choice(planStatic(input(50, 5)))).toBe('feasible exit2 @1 f32');
    expect(savable(50)).toBe('feasible exit2 @1 f32');
  });

  test('by the device’s times at their slowest, and behind what runs on its thread', () => {
    const late: SmallExit = { accuracy: 0.9, headMs: [0, 35, 90], tailMs: [99, 1, 0], elements: [3000, 10, 10] };
    const at = (deadlineMs: number, change: Partial<PlanningInput>): string =>
      choice(
        planStatic({
          ...planningInput([shallow, late], { deadlineMs }),
          allow: ({ partition, exit }) => partition === 1 || exit === 1,
          ...change,
        }),
      );
    // Head and rescue are 35 and 10 ms; the longer of the two may take half as long again.
    expect(at(62, { deviceSpread: 1.5 })).toMatch(/^feasible exit1/);
    expect(at(63, { deviceSpread: 1.5 })).toBe('feasible exit2 @1 f32');
    expect(at(74, { busyMs: 30 })).toMatch(/^feasible exit1/);
    expect(at(75, { busyMs: 30 })).toBe('feasible exit2 @1 f32');
    // T is longer here: 66.3 ms with the wait, of which 65 are the device's.
    expect(at(98, { busyMs: 30, deviceSpread: 1.5 })).toMatch(/^feasible exit1/);
    expect(at(99, { busyMs: 30, deviceSpread: 1.5 })).toBe('feasible exit2 @1 f32');
  });

  test('in any case without a head: the frame can be saved as it could be without it', () => {
    const input = planningInput([shallow, deep], { deadlineMs: 32, marginMs: 5 });
    // Exit 1 takes 10 ms, and four times as long at its slowest.
    expect(choice(planStatic({ ...input, deviceSpread: 4 }))).toBe('feasible exit1 @0 f32');
  });

  test('even if plans of the fastest exit are left out: what saves a frame is not planned for it', () => {
    const input = planningInput([shallow, deep], { deadlineMs: 45 });
    expect(choice(planStatic({ ...input, allow: ({ exit }) => exit === 2 }))).toMatch(/^feasible exit2 @[01]/);
  });

  test('without that where the device is too slow for any exit: then only a worker can meet the deadline', () => {
    const input = { ...planningInput([shallow, deep], { deadlineMs: 60 }), processorFactor: 20 };
    expect(fastestLocalMs(input)).toBe(200);
    expect(choice(planStatic(input))).toBe('feasible exit2 @0 f32');
  });
});

describe('an infeasible deadline', () => {
  test('gives the plan that is least late and by how much, margin included', () => {
    const result = planStatic(withoutWorker(planningInput([middle, deep], { deadlineMs: 30, marginMs: 2 })));
    expect(choice(result)).toBe('infeasible exit1 @2 f32');
    expect(result.kind === 'infeasible' && result.lateByMs).toBe(12);
  });

  test('is late by more than nothing, even where only the margin is missing', () => {
    const result = planStatic(withoutWorker(planningInput([shallow], { deadlineMs: 11, marginMs: 2 })));
    expect(result.kind === 'infeasible' && result.lateByMs).toBe(1);
  });

  test('says which deadline would do: one that leaves time for a rescue as well, where a frame must be savable', () => {
    const whole = planStatic(withoutWorker(planningInput([middle, deep], { deadlineMs: 30, marginMs: 2 })));
    expect(whole.kind === 'infeasible' && whole.neededDeadlineMs).toBe(42);
    // T is 35 ms and what a cut at 1 takes, yet after its head of 35 ms exit 1 still needs 10 ms.
    const late: SmallExit = { accuracy: 0.9, headMs: [0, 35, 90], tailMs: [99, 1, 0], elements: [3000, 10, 10] };
    const savable = planStatic(planningInput([shallow, late], { deadlineMs: 30, minimumAccuracy: 0.9 }));
    expect(savable.kind === 'infeasible' && savable.neededDeadlineMs).toBe(45);
  });

  test('says which uplink would do, and that none would where the time goes elsewhere', () => {
    // Partition 0 of exit 2 takes 25 ms on the worker and 0.154 ms back; so 12,321 bytes have 10 ms to go up.
    const policy = { deadlineMs: 35.154, minimumAccuracy: 0.8 };
    const slow = { ...planningInput([shallow, deep], policy), processorFactor: 1 };
    const result = planStatic({ ...slow, offload: { queueMs: 0, link: { uplinkMbps: 1, downlinkMbps: 8, rttMs: 0 } } });
    const bytes = 12_000 + 3 * (40 + 3 + 64);
    expect(result.kind === 'infeasible' && result.neededUplinkMbps).toBeCloseTo((bytes * 8) / 10_000, 4);
    const queued = { queueMs: 20, link: { uplinkMbps: 1, downlinkMbps: 8, rttMs: 0 } };
    const hopeless = planStatic({ ...slow, offload: queued });
    expect(hopeless.kind === 'infeasible' && hopeless.neededUplinkMbps).toBeNull();
    const alone = planStatic(withoutWorker(slow));
    expect(alone.kind === 'infeasible' && alone.neededUplinkMbps).toBeNull();
  });

  test('does not bring back an exit that is not accurate enough', () => {
    const result = planStatic(planningInput([shallow, deep], { deadlineMs: 15, minimumAccuracy: 0.7 }));
    expect(choice(result)).toMatch(/^infeasible exit2/);
  });
});

describe('no plan', () => {
  test('is said to be for want of accuracy only where that is why', () => {
    const inaccurate = planStatic(planningInput([shallow, deep], { minimumAccuracy: 0.81 }));
    expect(inaccurate).toEqual({ kind: 'no-plan', reason: 'no exit reaches the minimum accuracy 0.81' });
    const leftOut = planStatic({ ...planningInput([shallow]), allow: () => false });
    expect(leftOut.kind === 'no-plan' && leftOut.reason).not.toMatch(/minimum accuracy/);
  });
});

describe('a local plan', () => {
  test('is the most accurate whole branch that fits the time left, else the fastest', () => {
    const input = planningInput([shallow, middle, deep], { minimumAccuracy: 0.99 });
    const exitFor = (remainingMs: number): number | undefined => planLocal(input, remainingMs)?.plan.exit;
    expect([95, 90, 89, 40, 39, 10, 9, 0].map(exitFor)).toEqual([3, 3, 2, 2, 1, 1, 1, 1]);
  });

  test('leaves room for the device’s slowest runs, and for what runs before it', () => {
    const input = planningInput([shallow, middle, deep]);
    expect(planLocal({ ...input, deviceSpread: 1.5 }, 134)?.plan.exit).toBe(2);
    expect(planLocal({ ...input, deviceSpread: 1.5 }, 135)?.plan.exit).toBe(3);
    expect(planLocal({ ...input, busyMs: 10 }, 99)?.plan.exit).toBe(2);
    expect(planLocal({ ...input, busyMs: 10 }, 100)?.plan.exit).toBe(3);
  });

  test('counts what the device’s slowness makes of it', () => {
    const input = { ...planningInput([shallow, middle, deep]), processorFactor: 2 };
    expect(planLocal(input, 90)?.plan.exit).toBe(2);
    expect(fastestLocalMs(input)).toBe(20);
  });

  test('is none where all are left out, and the fastest is then still known', () => {
    const input = { ...planningInput([shallow]), allow: () => false };
    expect(planLocal(input, 100)).toBeUndefined();
    expect(fastestLocalMs(input)).toBe(10);
  });

  test('takes for ever where no branch is profiled', () => {
    const plans = preparePlans({ ...planTables([shallow]), device: { hardwareClass: 'x', exits: [] } });
    const input = { ...planningInput([shallow]), plans };
    expect(planLocal(input, 100)).toBeUndefined();
    expect(fastestLocalMs(input)).toBe(Number.POSITIVE_INFINITY);
  });
});
