import { describe, expect, test } from 'vitest';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import { type DynamicDecision, planDynamic } from '../shared/planner/algorithm-3.ts';
import { modelShape } from '../shared/planner/model-shape.ts';
import { describePlan, type Plan } from '../shared/planner/plan.ts';
import { statesOf } from '../shared/testing/bandwidth-states.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { planningInput, type SmallExit } from '../shared/testing/planning-input.ts';
import { decide, gaveWay } from './decision.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const input = planningInput([shallow, deep], { deadlineMs: 65 });
const everything = (): boolean => true;

/** @returns Algorithm 3's decision for a link that is in the first of these states */
function lookedUp(change: Partial<typeof input.policy> = {}): DynamicDecision {
  const changed = { ...input, policy: { ...input.policy, ...change } };
  const result = buildConfigurationMap({ input: changed, states: statesOf([0.25, 20]), revision: 'r1' });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return planDynamic(null, { map: result.map, stateIndex: 0, bandwidthMbps: 0.25, runLength: 3 });
}

const planOf = (decision: ReturnType<typeof decide>): string =>
  decision === undefined ? 'none' : `${decision.planned} ${describePlan(decision.candidate.plan)}`;

describe('a device under a map', () => {
  test('runs the plan of the state, not that of the bandwidth now', () => {
    const now = decide(input, { isReady: everything, forced: undefined, dynamic: undefined });
    const decision = decide(input, { isReady: everything, forced: undefined, dynamic: lookedUp() });
    expect(planOf(now)).toBe('best exit2 @0 f32');
    expect(planOf(decision)).toBe('best exit1 @2 f32');
    expect(decision?.dynamic?.revision).toBe('r1');
  });

  test('serves the best ready plan while the one of the state is made ready', () => {
    const isReady = ({ exit, partition }: Plan): boolean => exit === 1 && partition === 0;
    const decision = decide(input, { isReady, forced: undefined, dynamic: lookedUp() });
    expect(planOf(decision)).toBe('preparing exit1 @0 f32');
    expect(decision?.wanted && describePlan(decision.wanted)).toBe('exit1 @2 f32');
  });

  test('runs the plan that is forced', () => {
    const forced = { exit: 2, partition: 1 };
    const decision = decide(input, { isReady: everything, forced, dynamic: lookedUp() });
    expect(planOf(decision)).toBe('forced exit2 @1 f32');
    expect(decision?.dynamic).toBeUndefined();
  });

  test('runs another plan than the map’s where the device’s times would not let that meet the deadline', () => {
    const changed = { ...input, policy: { ...input.policy, deadlineMs: 95 } };
    const found = lookedUp({ deadlineMs: 95 });
    const steady = decide(changed, { isReady: everything, forced: undefined, dynamic: found });
    expect(planOf(steady)).toBe('best exit2 @2 f32');
    expect(steady && gaveWay(steady)).toBe(false);
    const grounds = { isReady: everything, forced: undefined, dynamic: found };
    for (const change of [{ deviceSpread: 1.1 }, { busyMs: 6 }]) {
      const decision = decide({ ...changed, ...change }, grounds);
      // Of the state of 0.25 Mbit/s still, not of the 8 Mbit/s now.
      expect(planOf(decision)).toBe('best exit1 @2 f32');
      expect(decision?.dynamic).toBe(found);
      expect(decision && gaveWay(decision)).toBe(true);
    }
  });

  test('runs locally without a worker, whatever the map says', () => {
    const dynamic = { ...lookedUp(), chosen: { ...lookedUp().chosen, plan: planAt(0) } };
    const decision = decide({ ...input, offload: null }, { isReady: everything, forced: undefined, dynamic });
    expect(planOf(decision)).toBe('best exit1 @2 f32');
  });

  test('plans for the bandwidth where the map names a plan that it has no times of', () => {
    const dynamic = { ...lookedUp(), chosen: { ...lookedUp().chosen, plan: planAt(7) } };
    const decision = decide(input, { isReady: everything, forced: undefined, dynamic });
    expect(planOf(decision)).toBe('best exit2 @0 f32');
  });
});

test('the planner is given the accuracy of each encoding only where that of the exit was measured as well', async () => {
  const { graph, manifest } = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  const description = describeModel(graph, await traceShapes(graph));
  const source = { dataset: 'cifar10-test', images: 10_000 };
  const accuracy = { ...source, top1: 0.9 };
  const exits = manifest.exits.map(({ name, paperLayers, nodes }, index) => {
    const all = Array.from({ length: nodes + 1 }, (_, partition) => 0.8 + partition / 1000);
    const encodedAccuracy = { ...source, f16: all, u8: all.toReversed() };
    return { name, paperLayers, nodes, ...[{ accuracy, encodedAccuracy }, { accuracy }, { encodedAccuracy }][index] };
  });
  const [both, whole, encoded, none] = modelShape(description, { ...manifest, exits }).exits;
  expect(both).toMatchObject({ accuracy: 0.9, encodedAccuracy: { f16: { 0: 0.8, 12: 0.812 }, u8: { 0: 0.812 } } });
  expect(Object.keys(both?.encodedAccuracy ?? {})).toEqual(['f16', 'u8']);
  expect([whole?.accuracy, whole?.encodedAccuracy]).toEqual([0.9, undefined]);
  expect([encoded?.accuracy, encoded?.encodedAccuracy]).toEqual([0.03, undefined]);
  expect(none?.accuracy).toBe(0.04);
});

const forced: Plan = { exit: 1, partition: 1, direction: 'edge-first', encoding: 'u8' };
const always = (): boolean => true;

/** One exit of three layers. */
function inputWith(policy: Parameters<typeof planningInput>[1]) {
  const exit = { accuracy: 0.8, headMs: [0, 10, 20, 30], tailMs: [3, 2, 1, 0], elements: [100, 100, 100, 10] };
  return planningInput([exit], { encodings: ['f32', 'u8'], directions: ['device-first', 'edge-first'], ...policy });
}

describe('a forced edge-first plan', () => {
  test('is what the frame is run by where the policy allows it', () => {
    const decision = decide(inputWith({}), { isReady: always, forced, dynamic: undefined });
    expect(decision).toMatchObject({ planned: 'forced', wanted: undefined, candidate: { plan: forced } });
    // The tail is the device's, the head the worker's.
    expect(decision?.candidate.prediction.breakdownMs).toMatchObject({ device: 2, worker: 10 });
  });

  test('is wanted while it is not ready, and another one runs', () => {
    const decision = decide(inputWith({}), {
      isReady: ({ direction }) => direction === 'device-first',
      forced,
      dynamic: undefined,
    });
    expect(decision).toMatchObject({ planned: 'preparing', wanted: forced });
    expect(decision?.candidate.plan.direction).toBe('device-first');
  });

  test.each([
    ['the policy leaves the direction out', { directions: ['device-first' as const] }, {}],
    ['the policy leaves the encoding out', { encodings: ['f32' as const] }, {}],
    ['nothing comes before the cut', {}, { partition: 0 }],
    ['there is no such exit', {}, { exit: 2 }],
  ])('is no plan where %s', (_reason, policy, change) => {
    expect(
      decide(inputWith(policy), { isReady: always, forced: { ...forced, ...change }, dynamic: undefined }),
    ).toBeUndefined();
  });

  test('is no plan without a worker', () => {
    expect(
      decide({ ...inputWith({}), offload: null }, { isReady: always, forced, dynamic: undefined }),
    ).toBeUndefined();
  });
});

test('a forced device-first plan is never run the other way round', () => {
  const decision = decide(inputWith({}), {
    isReady: always,
    forced: { ...forced, direction: 'device-first' },
    dynamic: undefined,
  });
  expect(decision?.candidate.plan).toEqual({ ...forced, direction: 'device-first' });
});

function planAt(partition: number): Plan {
  return { exit: 1, partition, direction: 'device-first', encoding: 'f32' };
}
