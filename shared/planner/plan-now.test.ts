import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { statesOf } from '../testing/bandwidth-states.ts';
import { admissibleOf, isInTime, withLink } from '../testing/every-plan.ts';
import { arbitraryPlanningCase, planningInput, type SmallExit } from '../testing/planning-input.ts';
import { planStatic } from './algorithm-1.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import { isAtStake, isMoving, planByChance } from './best-chance.ts';
import { describePlan, samePlan } from './plan.ts';
import { type LookedUp, planNow, planOfState } from './plan-now.ts';
import type { PlanningInput } from './predict.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 20, 40], tailMs: [2, 1, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 30, 90], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
/** The states are those of 0.25, 2 and 20 Mbit/s: 3,000 elements in f32 take 390, 49 and 5 ms. */
const input = planningInput([shallow, deep], { deadlineMs: 100, marginMs: 5 });
const anyCase = { numRuns: 1000 };
/** Sums of the same times in another order differ by less, ms. */
const rounding = 1e-9;

/** @returns what a map says that knows neither spread nor busy thread; undefined where there is none */
function lookUp({ deviceSpread: _, busyMs: __, ...planning }: PlanningInput, stateIndex: number): LookedUp | undefined {
  const result = buildConfigurationMap({ input: planning, states: statesOf([0.25, 2, 20]), revision: 'r1' });
  const entry = result.kind === 'map' ? result.map.entries[stateIndex] : undefined;
  return entry && { ...entry, chosen: entry };
}

function planIn(stateIndex: number, change: Partial<PlanningInput> = {}): string {
  const now = { ...input, ...change };
  const found = lookUp(input, stateIndex);
  const planned = found && planOfState(now, found);
  return planned === undefined ? 'none' : describePlan(planned.chosen.plan);
}

describe('the plan of a state', () => {
  test('stands while the device’s times leave it the deadline', () => {
    expect([0, 1, 2].map((state) => planIn(state))).toEqual(['exit2 @2 f32', 'exit2 @1 f32', 'exit2 @0 f32']);
    expect(planIn(0, { deviceSpread: 1.05 })).toBe('exit2 @2 f32');
  });

  test('gives way where the device’s own times, at their slowest or as corrected, do not', () => {
    expect(planIn(0, { deviceSpread: 1.06 })).toBe('exit1 @2 f32');
    expect(planIn(0, { correction: { device: 1.06, worker: 1 } })).toBe('exit1 @2 f32');
    expect(planIn(0, { frameMs: 6 })).toBe('exit1 @2 f32');
  });

  test('gives way where it would have to wait for the thread, to one that has not, or to a shallower one', () => {
    expect(planIn(0, { busyMs: 6 })).toBe('exit1 @2 f32');
    // Head, wait and rescue would take 30 + 30 + 40 ms.
    expect(planIn(1, { busyMs: 30 })).toBe('exit2 @0 f32');
    expect(planIn(2, { busyMs: 60 })).toBe('exit2 @0 f32');
  });

  test('gives way to what has a chance where no local exit is in time', () => {
    // Exit 1 takes 40 ms alone. At 2 Mbit/s the input takes 49 ms, its cut 8 ms after a head of 20 ms.
    const short = { ...input, policy: { ...input.policy, deadlineMs: 30 } };
    const found = lookUp(short, 1);
    expect(found).toMatchObject({ feasible: false, chosen: { plan: { exit: 1, partition: 1 } } });
    expect(found && planOfState(short, found)).toEqual(planByChance(short));
    const still = { queueMs: 0, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0, uplinkMoves: [-0.01, 0, 0.02] } };
    expect(found && planOfState({ ...short, offload: still }, found)).toEqual(found);
  });

  test('is none without a worker, and none where the tables here lack the map’s', () => {
    expect(planIn(0, { offload: null })).toBe('none');
    const found = lookUp(input, 0);
    if (found === undefined) throw new Error('no map');
    const lacking = { ...found, chosen: { ...found.chosen, plan: { ...found.chosen.plan, partition: 7 } } };
    expect(planOfState(input, lacking)).toBeUndefined();
  });

  test('is in time and savable wherever Algorithm 1 finds one that is, for the state’s rate', () => {
    let gaveWay = 0;
    fc.assert(
      fc.property(arbitraryPlanningCase, fc.nat(2), (planningCase, stateIndex) => {
        const { input: generated } = planningCase;
        const found = lookUp(generated, stateIndex);
        if (generated.offload === null || found === undefined || isAtStake(generated)) return;
        const { uplinkMbps, downlinkMbps } = generated.offload.link;
        const mbps = found.state.mbps;
        const link = { uplinkMbps: mbps, downlinkMbps: mbps * (downlinkMbps / uplinkMbps) };
        const there = withLink(planningCase, link);
        const planned = planOfState(generated, found);
        if (planned === undefined || planStatic(there.input).kind !== 'feasible') return;
        const plan = admissibleOf(there).find((other) => samePlan(other.plan, planned.chosen.plan));
        expect(plan && isInTime(there, { ...plan, totalMs: plan.totalMs - rounding })).toBe(true);
        if (!samePlan(planned.chosen.plan, found.chosen.plan)) gaveWay += 1;
      }),
      { numRuns: 3000 },
    );
    expect(gaveWay).toBeGreaterThan(3);
  });
});

describe('a plan now', () => {
  test('is Algorithm 1’s where a local exit would be in time', () => {
    let compared = 0;
    fc.assert(
      fc.property(arbitraryPlanningCase, ({ input: generated }) => {
        if (isAtStake(generated)) return;
        const result = planStatic(generated);
        expect(planNow(generated)?.chosen).toEqual(result.kind === 'no-plan' ? undefined : result.chosen);
        compared += 1;
      }),
      anyCase,
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('goes by its chance on a link that moves where no local exit is in time, else as Algorithm 1', () => {
    const seen = new Set<string>();
    const moves = fc.constantFrom([], [-0.6, -0.1, 0.4], [-0.02, 0, 0.01, 0.9]);
    fc.assert(
      fc.property(arbitraryPlanningCase, moves, ({ input: generated }, uplinkMoves) => {
        if (!isAtStake(generated) || generated.offload === null) return;
        const link = { ...generated.offload.link, uplinkMoves };
        const planning = { ...generated, offload: { ...generated.offload, link } };
        const result = planStatic(planning);
        const { objective } = planning.policy;
        const isBusyAndLate = (planning.busyMs ?? 0) > 0 && result.kind === 'infeasible';
        const goesByChance = isBusyAndLate || (objective === 'accuracy' && isMoving(link));
        const byChance = goesByChance ? planByChance(planning) : undefined;
        const expected = 'chosen' in result ? result.chosen : undefined;
        expect(planNow(planning)?.chosen).toEqual(byChance?.chosen ?? expected);
        seen.add(`${objective} ${isMoving(link)} ${result.kind} ${byChance !== undefined}`);
      }),
      { numRuns: 4000 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['accuracy true feasible true', 'accuracy false feasible false']));
    expect([...seen]).toEqual(expect.arrayContaining(['latency true infeasible true', 'paper true feasible false']));
  });

  test('asks a worker where all that waits for the thread is late, for it takes nothing from the device', () => {
    const link = { uplinkMbps: 0.7, downlinkMbps: 0.7, rttMs: 0 };
    const busy = { ...input, busyMs: 70, offload: { queueMs: 20, link } };
    expect(planStatic(busy)).toMatchObject({ kind: 'infeasible', chosen: { plan: { exit: 1, partition: 2 } } });
    expect(planNow(busy)?.chosen.plan).toMatchObject({ exit: 2, partition: 0 });
    expect(planNow({ ...busy, offload: { queueMs: 100, link } })?.chosen.plan).toMatchObject({ exit: 1, partition: 2 });
  });
});
