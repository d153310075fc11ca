import { expect, test } from 'vitest';
import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import type { StateDetectorSnapshot } from '../shared/planner/state-detector.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { statesOf } from '../shared/testing/bandwidth-states.ts';
import { planningInput, type SmallExit, samplePolicy } from '../shared/testing/planning-input.ts';
import { createDynamicConfigurator, type DynamicConfigurator } from './dynamic-configurator.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const settings = samplePolicy.detector;

function mapOf(rates: readonly number[], revision: string): ConfigurationMap {
  const input = planningInput([shallow, deep], { deadlineMs: 65 });
  const result = buildConfigurationMap({ input, states: statesOf(rates), revision });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

const map = mapOf([0.25, 2, 20], 'r1');

interface Device {
  clock: FakeClock;
  configurator: DynamicConfigurator;
  lines: string[];
}

function device(restored?: StateDetectorSnapshot): Device {
  const clock = createFakeClock();
  const lines: string[] = [];
  const line = (_: object, message: string): void => void lines.push(message);
  return {
    clock,
    lines,
    configurator: createDynamicConfigurator({ clock, restored, log: { warn: line, error: line } }),
  };
}

/** Ten frames a second of 2,000 bytes each. @returns the state after each second */
function drive({ clock, configurator }: Device, rates: readonly number[], under = map): (number | undefined)[] {
  return rates.map((mbps) => {
    for (let frame = 0; frame < 10; frame += 1) {
      configurator.observe({ mbps, bytes: 2000, isMissing: false });
      clock.advance(100);
    }
    return configurator.decide(under, settings)?.stateIndex;
  });
}

test('without a sample there is no decision, with the first there is one at once', () => {
  const { configurator } = device();
  expect(configurator.decide(map, settings)).toBeUndefined();
  configurator.observe({ mbps: 2, bytes: 1000, isMissing: false });
  expect(configurator.decide(map, settings)).toMatchObject({ kind: 'first', stateIndex: 1, bandwidthMbps: 2 });
});

test('the state follows the link within a few seconds, and the plan is kept while it holds', () => {
  const one = device();
  expect(drive(one, Array(10).fill(2)).every((state) => state === 1)).toBe(true);
  expect(one.configurator.decide(map, settings)?.kind).toBe('kept');
  expect(drive(one, [0.2, 0.2, 0.2, 0.2]).at(-1)).toBe(0);
  expect(drive(one, [20, 20, 20, 20]).at(-1)).toBe(2);
});

test('the samples of one second are one measurement, by the time that they took', () => {
  const one = device();
  one.configurator.observe({ mbps: 4, bytes: 1000, isMissing: false });
  one.configurator.observe({ mbps: 1, bytes: 1000, isMissing: false });
  one.clock.advance(1000);
  // 16,000 bits in 2 + 8 ms.
  const decision = one.configurator.decide(map, settings);
  expect(decision?.bandwidthMbps).toBeCloseTo(1.6, 9);
  expect(decision?.runLength).toBe(1);
  drive(one, [2, 2, 2]);
  expect(one.configurator.decide(map, settings)?.runLength).toBe(4);
});

test('a missing reply that no other one bears out changes neither state nor run length', () => {
  const [one, undisturbed] = [device(), device()];
  drive(one, Array(5).fill(2));
  one.configurator.observe({ mbps: 0.1, bytes: 2000, isMissing: true });
  one.clock.advance(1000);
  drive(one, Array(5).fill(2));
  drive(undisturbed, Array(10).fill(2));
  expect(one.configurator.snapshot()).toEqual(undisturbed.configurator.snapshot());
});

test('what is no sample is left out', () => {
  const { configurator } = device();
  for (const mbps of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    configurator.observe({ mbps, bytes: 1000, isMissing: false });
  configurator.observe({ mbps: 1, bytes: 0, isMissing: false });
  expect(configurator.decide(map, settings)).toBeUndefined();
});

test('a new map is looked up at once, with other states too', () => {
  const one = device();
  drive(one, Array(5).fill(2));
  expect(one.configurator.decide(mapOf([0.25, 2, 20], 'r2'), settings)).toMatchObject({
    kind: 'map-changed',
    stateIndex: 1,
    revision: 'r2',
  });
  expect(one.configurator.decide(mapOf([1, 1.8, 4, 20], 'r3'), settings)).toMatchObject({
    stateIndex: 1,
    revision: 'r3',
  });
  expect(drive(one, [2, 2], mapOf([20], 'r4'))).toEqual([0, 0]);
});

test('a restarted device goes on where it was', () => {
  const rates = [2, 2.2, 1.9, 2, 2.1, 0.4, 0.3, 0.3, 0.35, 3, 2.8, 3.1];
  const whole = device();
  const all = drive(whole, rates);
  const before = device();
  const first = drive(before, rates.slice(0, 6));
  const after = device(before.configurator.snapshot());
  expect([...first, ...drive(after, rates.slice(6))]).toEqual(all);
  expect(after.configurator.snapshot()).toEqual(whole.configurator.snapshot());
  expect(after.lines).toEqual([]);
});

test('what is restored of other parameters is dropped, and said', () => {
  const before = device();
  drive(before, [2, 2, 2]);
  const after = device(before.configurator.snapshot());
  after.configurator.observe({ mbps: 2, bytes: 1000, isMissing: false });
  const decision = after.configurator.decide(map, { ...settings, noise: 0.5 });
  expect(decision).toMatchObject({ kind: 'first', stateIndex: 1, runLength: 1 });
  expect(after.lines).toEqual(['what was known of the bandwidth is dropped']);
});

test('a map whose states do not ascend leaves the device without a decision, and is told of once', () => {
  const one = device();
  const broken = { ...map, entries: map.entries.toReversed() };
  expect(drive(one, [2, 2], broken)).toEqual([undefined, undefined]);
  expect(one.lines).toEqual(['configuration map cannot be used']);
  expect(drive(one, [2])).toEqual([1]);
});
