import { expect, test } from 'vitest';
import { type ConfigurationMap, configurationMapParser } from '../protocol/configuration-map.ts';
import type { Policy } from '../protocol/messages.ts';
import { statesOf } from '../testing/bandwidth-states.ts';
import { planningInput, type SmallExit } from '../testing/planning-input.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import { diffMaps, findEntry } from './configuration-map.ts';
import { describePlan } from './plan.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const rates = [0.25, 0.5, 2, 20];
const map = mapWith({ deadlineMs: 65 }, rates);

function mapWith(policy: Partial<Policy>, ratesMbps: readonly number[]): ConfigurationMap {
  const input = planningInput([shallow, deep], policy);
  const result = buildConfigurationMap({ input, states: statesOf(ratesMbps), revision: 'r1' });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

function changes(before: ConfigurationMap, after: ConfigurationMap): string[] {
  return diffMaps(before, after).map(
    (change) =>
      `${change.fromMbps} to ${change.toMbps}: ${describePlan(change.before.plan)}, ${describePlan(change.after.plan)}`,
  );
}

test('an entry is found by the index of its state', () => {
  expect(rates.map((_, index) => findEntry(map, index).state.mbps)).toEqual(rates);
});

test('maps that come to the same do not differ, whatever their revision and their times', () => {
  expect(changes(map, { ...map, revision: 'r2' })).toEqual([]);
  const slower = map.entries.map((entry) => ({ ...entry, prediction: { ...entry.prediction, totalMs: 1 } }));
  expect(changes(map, { ...map, entries: slower })).toEqual([]);
});

test('what changes is told by ranges of the rate, those that change alike as one', () => {
  const strict = mapWith({ deadlineMs: 35 }, rates);
  expect(changes(map, strict)).toEqual(['1.25 to 11: exit2 @1 f32, exit1 @2 f32']);
  expect(changes(strict, map)).toEqual(['1.25 to 11: exit1 @2 f32, exit2 @1 f32']);
});

test('maps of other states are compared all the same', () => {
  expect(changes(map, mapWith({ deadlineMs: 65 }, [0.25, 20]))).toEqual([
    '1.25 to 10.125: exit2 @1 f32, exit1 @2 f32',
    '10.125 to 11: exit2 @1 f32, exit2 @0 f32',
  ]);
  expect(changes(map, mapWith({ deadlineMs: 65 }, [2]))).toEqual([
    '0 to 1.25: exit1 @2 f32, exit2 @1 f32',
    '11 to null: exit2 @0 f32, exit2 @1 f32',
  ]);
});

test('a plan that no longer meets the deadline is a change', () => {
  const late = { ...map, entries: map.entries.map((entry) => ({ ...entry, feasible: false })) };
  expect(diffMaps(map, late).map(({ after }) => after.feasible)).toEqual([false, false, false]);
});

test('a map without entries is refused, and not read either', () => {
  const empty = { ...map, entries: [] };
  const refused = expect.objectContaining({ name: 'FleetError', code: 'configuration-map-empty' });
  expect(() => findEntry(empty, 0)).toThrow(refused);
  expect(() => diffMaps(map, empty)).toThrow(refused);
  expect(() => diffMaps(empty, map)).toThrow(refused);
  expect(() => configurationMapParser.parse(empty)).toThrow('/entries');
});
