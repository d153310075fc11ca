import { expect, test } from 'vitest';
import type { DynamicDecision } from '../shared/planner/algorithm-3.ts';
import { decisionLogParser } from '../shared/protocol/decision-record.ts';
import { deviceConfigurationParser } from '../shared/protocol/messages.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { planningInput, type SmallExit } from '../shared/testing/planning-input.ts';
import { configuration } from '../shared/testing/typical-messages.ts';
import { type Decision, decide } from './decision.ts';
import { createDecisionLog, type Decided, type DecisionLog } from './decision-log.ts';

const exit: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const input = planningInput([exit, { ...exit, accuracy: 0.7, headMs: [0, 8, 30] }]);

function decided(forced: { exit: number; partition: number } | undefined, change: Partial<Decision> = {}): Decided {
  const decision = decide(input, { isReady: () => true, forced, dynamic: undefined });
  if (decision === undefined) throw new Error('no plan');
  const parsed = deviceConfigurationParser.parse(configuration);
  return { decision: { ...decision, ...change }, input, configuration: parsed };
}

const inState = (stateIndex: number, revision = 'r1', kind: DynamicDecision['kind'] = 'first'): Decided => {
  const { candidate, runnerUp } = decided(undefined).decision;
  const state = { mbps: 2, fromMbps: 1 };
  const evidence = { kind, bandwidthMbps: 2.1, runLength: 4, previousStateIndex: null };
  const outcome = { chosen: candidate, runnerUp, feasible: true, slackMs: 1 };
  return decided(undefined, { dynamic: { ...evidence, ...outcome, stateIndex, state, revision } });
};

function kindsOf(log: DecisionLog): string[] {
  return (log.content()?.decisions ?? []).map(({ kind, frames }) => `${kind} ${frames}`);
}

test('a decision that stays is one record, with its frames counted and its inputs', () => {
  const clock = createFakeClock();
  const log = createDecisionLog({ device: 'pi-1', limit: 5, clock });
  expect(log.content()).toBeUndefined();
  expect(log.record(inState(1))).toBe(true);
  clock.advance(1000);
  expect(log.record(inState(1))).toBe(false);
  const content = decisionLogParser.parse(JSON.parse(JSON.stringify(log.content())));
  expect(content.decisions).toHaveLength(1);
  expect(content.decisions[0]).toMatchObject({
    at: '2020-01-01T00:00:00.000Z',
    lastAt: '2020-01-01T00:00:01.000Z',
    frames: 2,
    configurator: 'dynamic',
    kind: 'first',
    bandwidthMbps: 2.1,
    state: { index: 1, runLength: 4, revision: 'r1', mbps: 2, fromMbps: 1 },
    plan: { exit: 'exit2' },
    runnerUp: { exit: 'exit1' },
  });
});

test('a plan that the map’s gave way to is told with the map’s, and with what it was decided on', () => {
  const log = createDecisionLog({ device: 'pi-1', limit: 5, clock: createFakeClock() });
  const kept = inState(1);
  log.record(kept);
  const { candidate, runnerUp } = kept.decision;
  if (runnerUp === null) throw new Error('no runner-up');
  const decision = { ...kept.decision, candidate: runnerUp };
  log.record({ ...kept, decision, input: { ...input, deviceSpread: 1.5, busyMs: 30 } });
  const [first, second] = decisionLogParser.parse(JSON.parse(JSON.stringify(log.content()))).decisions;
  expect(first).toMatchObject({ deviceSpread: 1, busyMs: 0 });
  expect(first?.mapPlan).toBeUndefined();
  expect(second).toMatchObject({ kind: 'plan-changed', deviceSpread: 1.5, busyMs: 30 });
  expect([second?.plan.exit, second?.mapPlan?.exit]).toEqual(['exit1', `exit${candidate.plan.exit}`]);
});

test('a decision that no plan could make meet the deadline says what would have', () => {
  const log = createDecisionLog({ device: 'pi-1', limit: 5, clock: createFakeClock() });
  const late = { ...input, policy: { ...input.policy, deadlineMs: 1 } };
  log.record(decided(undefined));
  const decision = decide(late, { isReady: () => true, forced: undefined, dynamic: undefined });
  if (decision === undefined) throw new Error('no plan');
  log.record({ ...decided(undefined), decision, input: late });
  log.record({ ...decided({ exit: 1, partition: 0 }) });
  const [inTime, tooLate] = decisionLogParser.parse(JSON.parse(JSON.stringify(log.content()))).decisions;
  expect(inTime?.needed).toBeUndefined();
  expect(tooLate?.needed?.deadlineMs).toBeGreaterThan(1);
  expect(tooLate?.needed?.deadlineMs).toBeLessThanOrEqual(1 - (tooLate?.slackMs ?? 0));
});

test('another state, map, plan or configuration is another record, told by its kind', () => {
  const log = createDecisionLog({ device: 'pi-1', limit: 9, clock: createFakeClock() });
  const later = inState(2, 'r2');
  const moments = [inState(1), inState(2), later, { ...later, configuration: { ...later.configuration, version: 9 } }];
  for (const moment of [...moments, decided({ exit: 1, partition: 1 }), decided({ exit: 1, partition: 0 })]) {
    log.record(moment);
  }
  expect(kindsOf(log)).toEqual([
    'first 1',
    'state-changed 1',
    'map-changed 1',
    'configuration-changed 1',
    'plan-changed 1',
    'plan-changed 1',
  ]);
});

test('a map and a state that change in one frame are both told', () => {
  const log = createDecisionLog({ device: 'pi-1', limit: 9, clock: createFakeClock() });
  log.record(inState(1));
  log.record(inState(2, 'r2', 'state-and-map-changed'));
  expect(kindsOf(log)).toEqual(['first 1', 'state-and-map-changed 1']);
});

test('the oldest records go', () => {
  const log = createDecisionLog({ device: 'pi-1', limit: 3, clock: createFakeClock() });
  for (let i = 0; i < 10; i += 1) log.record(inState(i));
  expect(log.content()?.decisions.map(({ state }) => state?.index)).toEqual([7, 8, 9]);
});
