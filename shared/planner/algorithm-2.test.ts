import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConfigurationMap, configurationMapParser } from '../protocol/configuration-map.ts';
import type { Policy } from '../protocol/messages.ts';
import { arbitraryStates, statesOf } from '../testing/bandwidth-states.ts';
import { admissibleOf, isInTime, type ScoredPlan, withLink } from '../testing/every-plan.ts';
import { arbitraryPlanningCase, planningInput, type SmallExit } from '../testing/planning-input.ts';
import { planStatic } from './algorithm-1.ts';
import { buildConfigurationMap, type MapOptions } from './algorithm-2.ts';
import { mapAsPrinted } from './algorithm-2-as-printed.ts';
import type { BandwidthState } from './bandwidth-states.ts';
import { describePlan, samePlan } from './plan.ts';
import { paperReward } from './reward.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const states = statesOf([0.25, 2, 20]);
const rounding = 1e-9;

function mapOf(options: Omit<MapOptions, 'revision'>): ConfigurationMap {
  const result = buildConfigurationMap({ ...options, revision: 'r1' });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

function planned(policy: Partial<Policy>): string[] {
  const { entries } = mapOf({ input: planningInput([shallow, deep], policy), states });
  return entries.map(({ plan, feasible }) => (feasible ? describePlan(plan) : `late ${describePlan(plan)}`));
}

describe('a configuration map', () => {
  test('has for each state the plan that suits its rate', () => {
    // Exit 2 takes 20 + 20 ms and 8.6 ms for its cut at 2 Mbit/s, or 25 ms and 5 ms for the input at 20 Mbit/s.
    expect(planned({ deadlineMs: 65 })).toEqual(['exit1 @2 f32', 'exit2 @1 f32', 'exit2 @0 f32']);
  });

  test('prefers what its objective says', () => {
    expect(planned({ deadlineMs: 65, objective: 'latency' })).toEqual(['exit1 @2 f32', 'exit1 @2 f32', 'exit1 @1 f32']);
    expect(planned({ deadlineMs: 65, objective: 'paper' })).toEqual(planned({ deadlineMs: 65, objective: 'latency' }));
    const rewardWeights = { accuracy: 1000, throughput: 1 };
    expect(planned({ deadlineMs: 65, objective: 'paper', rewardWeights })).toEqual(planned({ deadlineMs: 65 }));
  });

  test('says where no plan meets the deadline, and has the least late one there, worth nothing', () => {
    const input = planningInput([deep], { deadlineMs: 60 });
    const { entries } = mapOf({ input, states });
    expect(entries.map(({ feasible, reward }) => [feasible, reward])).toEqual([
      [false, 0],
      [true, 0.8],
      [true, 0.8],
    ]);
    expect(entries[0] && describePlan(entries[0].plan)).toBe('exit1 @2 f32');
  });

  test('reckons with the link’s ratio of downlink to uplink in every state', () => {
    const link = { uplinkMbps: 4, downlinkMbps: 1, rttMs: 6 };
    const input = { ...planningInput([{ ...deep, headMs: [0, 200, 900] }]), offload: { queueMs: 1, link } };
    const [entry] = mapOf({ input, states: statesOf([20]) }).entries;
    // 154 bytes come back at a quarter of 20 Mbit/s.
    expect(entry?.prediction.breakdownMs.download).toBeCloseTo((154 * 8) / 5000 + 3, 9);
    expect(entry?.prediction.breakdownMs.queue).toBe(1);
  });

  test('is all whole branches on the device where there is nobody to offload to', () => {
    const { entries } = mapOf({ input: { ...planningInput([shallow, deep]), offload: null }, states });
    expect(entries.map(({ plan }) => describePlan(plan))).toEqual(states.map(() => 'exit2 @2 f32'));
  });

  test('is none where no exit is accurate enough', () => {
    const input = planningInput([shallow], { minimumAccuracy: 0.9 });
    expect(buildConfigurationMap({ input, states, revision: 'r1' })).toEqual({
      kind: 'no-plan',
      reason: 'no exit reaches the minimum accuracy 0.9',
    });
  });

  test('is the same after it was pushed as JSON', () => {
    fc.assert(
      fc.property(arbitraryPlanningCase, arbitraryStates, ({ input }, some) => {
        const result = buildConfigurationMap({ input, states: some, revision: 'r1' });
        if (result.kind === 'map') {
          expect(configurationMapParser.parseJson(JSON.stringify(result.map))).toEqual(result.map);
        }
      }),
    );
  });
});

test('in each state the plan is Algorithm 1’s at the state’s rate, with its runner-up', () => {
  fc.assert(
    fc.property(arbitraryPlanningCase, arbitraryStates, (planningCase, some) => {
      const { input } = planningCase;
      const result = buildConfigurationMap({ input, states: some, revision: 'r1' });
      for (const [i, { mbps }] of some.entries()) {
        const alone = planStatic(withLink(planningCase, linkAt(planningCase.input.offload?.link, mbps)).input);
        expect(result.kind).toBe(alone.kind === 'no-plan' ? 'no-plan' : 'map');
        if (alone.kind === 'no-plan' || result.kind === 'no-plan') continue;
        const { kind, chosen } = alone;
        expect(result.map.entries[i]).toMatchObject({
          ...chosen,
          state: some[i],
          feasible: kind === 'feasible',
          runnerUp: kind === 'feasible' ? alone.runnerUp : null,
        });
      }
    }),
    { numRuns: 1000 },
  );
});

test('in each state no admissible plan within the deadline has a greater reward, for each objective', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(arbitraryPlanningCase, arbitraryStates, (planningCase, some) => {
      const { input } = planningCase;
      const { policy } = input;
      const result = buildConfigurationMap({ input, states: some, revision: 'r1' });
      if (result.kind === 'no-plan') return;
      for (const { state, plan, reward, feasible } of result.map.entries) {
        const there = withLink(planningCase, linkAt(input.offload?.link, state.mbps));
        const inTime = admissibleOf(there).filter((plan) => isInTime(there, plan));
        seen.add(`${policy.objective} ${feasible}`);
        expect(feasible).toBe(inTime.length > 0);
        if (!feasible) {
          expect(reward).toBe(0);
          continue;
        }
        const chosen = inTime.find((other) => samePlan(other.plan, plan));
        expect(chosen && rewardOf(chosen, policy)).toBeCloseTo(reward, 6);
        const greatest = Math.max(...inTime.map((other) => rewardOf(other, policy)));
        const tolerated = policy.objective === 'accuracy' ? policy.accuracyTolerance : 0;
        expect(reward).toBeGreaterThanOrEqual((greatest - tolerated) * (1 - rounding));
      }
    }),
    { numRuns: 1500 },
  );
  expect(seen.size).toBe(6);
});

test('with the paper’s weights, no margin and times that do not vary it is the printed loop’s choice wherever the deadline can be met', () => {
  let compared = 0;
  fc.assert(
    fc.property(arbitraryPlanningCase, arbitraryStates, (planningCase, some) => {
      const policy = { ...planningCase.input.policy, ...paperAlone };
      const paperCase = { ...planningCase, input: { ...planningCase.input, policy, deviceSpread: 1 } };
      const result = buildConfigurationMap({ input: paperCase.input, states: some, revision: 'r1' });
      if (result.kind === 'no-plan') return;
      const { deadlineMs } = policy;
      for (const { state, feasible, reward } of result.map.entries) {
        const strategies = admissibleOf(withLink(paperCase, linkAt(paperCase.input.offload?.link, state.mbps)));
        const [printed] = mapAsPrinted([state], strategies, ({ accuracy, totalMs }) =>
          paperReward(accuracy, { totalMs, deadlineMs }),
        );
        expect(printed?.reward).toBeCloseTo(reward, 6);
        if (feasible) compared += 1;
      }
    }),
    { numRuns: 700 },
  );
  expect(compared).toBeGreaterThan(500);
});

describe('bandwidth states', () => {
  const build = (some: readonly BandwidthState[]) => () =>
    buildConfigurationMap({ input: planningInput([shallow]), states: some, revision: 'r1' });
  const code = (name: string) => expect.objectContaining({ name: 'FleetError', code: name });

  test('that are none, repeated or not ascending are refused, each by its code', () => {
    expect(build([])).toThrow(code('bandwidth-states-empty'));
    fc.assert(
      fc.property(arbitraryStates, fc.nat(7), (some, at) => {
        const i = at % some.length;
        const one = some[i] ?? { mbps: 1, fromMbps: 0 };
        expect(build([...some.slice(0, i + 1), one, ...some.slice(i + 1)])).toThrow(code('bandwidth-states-invalid'));
        if (some.length > 1) expect(build(some.toReversed())).toThrow(code('bandwidth-states-invalid'));
        expect(build(some.map((state) => ({ ...state, fromMbps: state.fromMbps + 0.001 })))).toThrow(
          code('bandwidth-states-invalid'),
        );
      }),
    );
  });

  test('without a finite rate above 0 are refused by a code', () => {
    const bad = fc.constantFrom(Number.NaN, 0, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    fc.assert(
      fc.property(bad, (mbps) => {
        expect(build([{ mbps, fromMbps: 0 }])).toThrow(code('bandwidth-states-invalid'));
        if (mbps !== 0) expect(build([{ mbps: 1, fromMbps: mbps }])).toThrow(code('bandwidth-states-invalid'));
      }),
    );
  });
});

const paperAlone = { objective: 'paper', marginMs: 0, rewardWeights: { accuracy: 1, throughput: 1 } } as const;

function linkAt(
  link: { uplinkMbps: number; downlinkMbps: number } | undefined,
  mbps: number,
): { uplinkMbps: number; downlinkMbps: number } {
  return { uplinkMbps: mbps, downlinkMbps: mbps * ((link?.downlinkMbps ?? 1) / (link?.uplinkMbps ?? 1)) };
}

function rewardOf({ accuracy, totalMs }: ScoredPlan, { objective, deadlineMs, rewardWeights }: Policy): number {
  if (objective === 'accuracy') return accuracy;
  if (objective === 'latency') return 1000 / Math.max(0.001, totalMs);
  return paperReward(accuracy, { totalMs, deadlineMs }, rewardWeights);
}
