import { describe, expect, test } from 'vitest';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { modelShape } from '../shared/planner/model-shape.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { planningInput } from '../shared/testing/planning-input.ts';
import { decide } from './decision.ts';

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
    const decision = decide(inputWith({}), always, forced);
    expect(decision).toMatchObject({ planned: 'forced', wanted: undefined, candidate: { plan: forced } });
    // The tail is the device's, the head the worker's.
    expect(decision?.candidate.prediction.breakdownMs).toMatchObject({ device: 2, worker: 10 });
  });

  test('is wanted while it is not ready, and another one runs', () => {
    const decision = decide(inputWith({}), ({ direction }) => direction === 'device-first', forced);
    expect(decision).toMatchObject({ planned: 'preparing', wanted: forced });
    expect(decision?.candidate.plan.direction).toBe('device-first');
  });

  test.each([
    ['the policy leaves the direction out', { directions: ['device-first' as const] }, {}],
    ['the policy leaves the encoding out', { encodings: ['f32' as const] }, {}],
    ['nothing comes before the cut', {}, { partition: 0 }],
    ['there is no such exit', {}, { exit: 2 }],
  ])('is no plan where %s', (_reason, policy, change) => {
    expect(decide(inputWith(policy), always, { ...forced, ...change })).toBeUndefined();
  });

  test('is no plan without a worker', () => {
    expect(decide({ ...inputWith({}), offload: null }, always, forced)).toBeUndefined();
  });
});

test('a forced device-first plan is never run the other way round', () => {
  const decision = decide(inputWith({}), always, { ...forced, direction: 'device-first' });
  expect(decision?.candidate.plan).toEqual({ ...forced, direction: 'device-first' });
});
