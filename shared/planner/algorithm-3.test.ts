import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConfigurationMap } from '../protocol/configuration-map.ts';
import { statesOf } from '../testing/bandwidth-states.ts';
import { planningInput, type SmallExit } from '../testing/planning-input.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import { type DynamicDecision, type DynamicInput, planDynamic } from './algorithm-3.ts';
import { findEntry } from './configuration-map.ts';
import { describePlan } from './plan.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const map = mapWith({ deadlineMs: 65, marginMs: 2 }, 'r1');

function mapWith(
  policy: { deadlineMs: number; marginMs?: number },
  revision: string,
  rates = [0.25, 2, 20],
): ConfigurationMap {
  const input = planningInput([shallow, deep], policy);
  const result = buildConfigurationMap({ input, states: statesOf(rates), revision });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

const at = (change: Partial<DynamicInput> = {}): DynamicInput => ({
  map,
  stateIndex: 1,
  bandwidthMbps: 2.1,
  runLength: 4,
  ...change,
});

test('the first moment finds its plan in the map, and records all that it was decided on', () => {
  const decision = planDynamic(null, at());
  expect(decision).toMatchObject({
    kind: 'first',
    bandwidthMbps: 2.1,
    runLength: 4,
    stateIndex: 1,
    previousStateIndex: null,
    state: { mbps: 2, fromMbps: 1.125 },
    revision: 'r1',
    feasible: true,
  });
  expect(describePlan(decision.chosen.plan)).toBe('exit2 @1 f32');
  expect(decision.runnerUp?.plan.exit).toBe(1);
  expect(decision.slackMs).toBeCloseTo(65 - 2 - decision.chosen.prediction.totalMs, 12);
});

test('while the state stays the plan is kept, whatever the bandwidth in it', () => {
  const first = planDynamic(null, at());
  const next = planDynamic(first, at({ bandwidthMbps: 9, runLength: 5 }));
  expect(next).toEqual({ ...first, kind: 'kept', bandwidthMbps: 9, runLength: 5, previousStateIndex: 1 });
});

test('a plan that is kept is told with what the map now predicts for it', () => {
  const first = planDynamic(null, at());
  const { prediction, ...entry } = findEntry(map, 1);
  const later = { ...entry, prediction: { ...prediction, totalMs: prediction.totalMs + 9 } };
  const next = planDynamic(first, at({ map: { ...map, entries: map.entries.with(1, later) } }));
  expect(next).toMatchObject({ kind: 'kept', chosen: { plan: first.chosen.plan } });
  expect(next.slackMs).toBeCloseTo(first.slackMs - 9, 9);
});

test('another state is looked up', () => {
  const next = planDynamic(planDynamic(null, at()), at({ stateIndex: 0, bandwidthMbps: 0.3, runLength: 1 }));
  expect(next).toMatchObject({ kind: 'state-changed', stateIndex: 0, previousStateIndex: 1 });
  expect(describePlan(next.chosen.plan)).toBe('exit1 @2 f32');
});

test('a new map is looked up at once, though the state stays', () => {
  const first = planDynamic(null, at());
  const next = planDynamic(first, at({ map: mapWith({ deadlineMs: 40 }, 'r2') }));
  expect(next).toMatchObject({ kind: 'map-changed', stateIndex: 1, previousStateIndex: 1, revision: 'r2' });
  expect(next.chosen.plan.exit).toBe(1);
});

test('a new map and another state in one moment are both told', () => {
  const first = planDynamic(null, at());
  const next = planDynamic(first, at({ map: mapWith({ deadlineMs: 40 }, 'r2'), stateIndex: 0 }));
  expect(next).toMatchObject({ kind: 'state-and-map-changed', stateIndex: 0, previousStateIndex: 1, revision: 'r2' });
});

test('that a map counts its states otherwise is no change of the link', () => {
  const first = planDynamic(null, at());
  const shorter = { ...map, revision: 'r2', entries: map.entries.slice(1) };
  expect(planDynamic(first, at({ map: shorter, stateIndex: 0 })).kind).toBe('map-changed');
  const others = mapWith({ deadlineMs: 65 }, 'r2', [0.1, 1.9, 20]);
  expect(planDynamic(first, at({ map: others, stateIndex: 0 })).kind).toBe('map-changed');
});

test('a state that no plan serves is told by its slack below 0', () => {
  const decision = planDynamic(null, at({ map: mapWith({ deadlineMs: 5 }, 'r3') }));
  expect(decision.feasible).toBe(false);
  expect(decision.slackMs).toBe(5 - decision.chosen.prediction.totalMs);
});

test('whatever the sequence, the plan is the map’s for the state that holds', () => {
  const maps = [map, mapWith({ deadlineMs: 40 }, 'r2'), mapWith({ deadlineMs: 5 }, 'r3')];
  const moments = fc.array(fc.record({ map: fc.constantFrom(...maps), stateIndex: fc.nat(2) }), { minLength: 1 });
  fc.assert(
    fc.property(moments, (sequence) => {
      let previous: DynamicDecision | null = null;
      for (const moment of sequence) {
        const before: DynamicDecision | null = previous;
        previous = planDynamic(before, at(moment));
        const { plan, prediction, accuracy, feasible } = findEntry(moment.map, moment.stateIndex);
        expect(previous).toMatchObject({ chosen: { plan, prediction, accuracy }, feasible });
        const isKept = before?.revision === moment.map.revision && before.stateIndex === moment.stateIndex;
        expect(previous.kind === 'kept').toBe(isKept);
      }
    }),
  );
});

test('a state or a map that is none, and a bandwidth that is none, are refused by their codes', () => {
  const code = (name: string) => expect.objectContaining({ name: 'FleetError', code: name });
  fc.assert(
    fc.property(fc.oneof(fc.integer({ max: -1 }), fc.integer({ min: 3 }), fc.constant(0.5)), (stateIndex) => {
      expect(() => planDynamic(null, at({ stateIndex }))).toThrow(code('bandwidth-state-unknown'));
    }),
  );
  expect(() => planDynamic(null, at({ map: { ...map, entries: [] } }))).toThrow(code('configuration-map-empty'));
  for (const bandwidthMbps of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) {
    expect(() => planDynamic(null, at({ bandwidthMbps }))).toThrow(code('planning-input-invalid'));
  }
  expect(() => planDynamic(null, at({ runLength: -1 }))).toThrow(code('planning-input-invalid'));
});
