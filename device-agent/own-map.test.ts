import { expect, test } from 'vitest';
import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import { diffMaps } from '../shared/planner/configuration-map.ts';
import { createCorrectionTracker } from '../shared/planner/correction.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import { statesOf } from '../shared/testing/bandwidth-states.ts';
import { planningInput, type SmallExit } from '../shared/testing/planning-input.ts';
import { createOwnMap } from './own-map.ts';

/** So many rates that any change of 15 % moves the plan of one of them. */
const rates = Array.from({ length: 60 }, (_, i) => 0.3 * 1.1 ** i);
const only: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const input = planningInput([only], { deadlineMs: 100 });
const pushed = mapOf(input, 'r1');

function mapOf(planning: PlanningInput, revision: string): ConfigurationMap {
  const result = buildConfigurationMap({ input: planning, states: statesOf(rates), revision });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

/** @returns a copy of the map, and what is its revision after a frame with these factors */
function createTracked() {
  const ownMap = createOwnMap();
  const after = (device: number, worker = 1, of = pushed): string => {
    ownMap.refresh(of, { ...input, correction: { device, worker } });
    return ownMap.of(of).revision;
  };
  return { ownMap, after };
}

test('what goes to and fro by little from frame to frame builds one copy', () => {
  const { after } = createTracked();
  const seen = Array.from({ length: 400 }, (_, frame) => after(frame % 4 < 2 ? 1.2 : 1));
  expect(new Set(seen)).toEqual(new Set(['r1+1']));
});

test('what goes on and on the same way is followed at once', () => {
  const { after } = createTracked();
  expect([1.2, 1.4, 1.7, 2, 2.4].map((worker) => after(1, worker))).toEqual(['r1+1', 'r1+2', 'r1+3', 'r1+4', 'r1+5']);
});

test('a turn back is followed in the sixth frame that it lasts, whatever moves meanwhile', () => {
  const { after } = createTracked();
  expect([after(1.2), after(1), after(1.2, 1.2)]).toEqual(['r1+1', 'r1+1', 'r1+2']);
  expect([1, 1, 1, 1, 1, 1.2, 1, 1, 1, 1, 1].map((device) => after(device, 1.2))).toEqual(Array(11).fill('r1+2'));
  expect(after(1, 1.2)).toBe('r1+3');
});

test('what goes far is followed at once, either way', () => {
  const { after } = createTracked();
  expect([1.2, 2.5, 1.2, 2.5].map((device) => after(device))).toEqual(['r1+1', 'r1+2', 'r1+3', 'r1+4']);
});

test('a device that has become a third slower or faster has plans for it within ten frames', () => {
  const { ownMap } = createTracked();
  const tracker = createCorrectionTracker();
  const frames = (count: number, slowness: number): void => {
    for (let frame = 0; frame < count; frame += 1) {
      tracker.observe({ device: 20 }, { device: 20 * slowness });
      const { device, worker } = tracker.factors();
      ownMap.refresh(pushed, { ...input, correction: { device, worker } });
    }
  };
  let before = pushed;
  for (const slowness of [4 / 3, 1, 4 / 3, 1]) {
    frames(10, slowness);
    expect(diffMaps(before, ownMap.of(pushed))).not.toEqual([]);
    frames(30, slowness);
    before = ownMap.of(pushed);
  }
});

test('where no state has another plan the revision stays, and what plans are predicted to take is of now', () => {
  const { ownMap, after } = createTracked();
  const local = planningInput([{ ...only, headMs: [0, 0.1, 0.2] }], { deadlineMs: 100 });
  const of = mapOf(local, 'r1');
  for (const device of [1.5, 1, 2.5, 1, 3, 6]) {
    const correction = { device, worker: 1 };
    for (let frame = 0; frame < 6; frame += 1) ownMap.refresh(of, { ...local, correction });
    expect(ownMap.of(of)).toEqual(mapOf({ ...local, correction }, 'r1'));
  }
  expect(after(1.5, 1, mapOf(input, 'r2'))).toBe('r2+1');
});

test('with the plans of the pushed map again it has that one’s revision, and the next other ones a new one', () => {
  const { after } = createTracked();
  expect([2.5, 1, 2.5].map((device) => after(device))).toEqual(['r1+1', 'r1', 'r1+2']);
});

test('a plan that no longer meets the deadline is another one', () => {
  const slow = planningInput([only], { deadlineMs: 11, encodings: [] });
  const of = mapOf(slow, 'r1');
  const ownMap = createOwnMap();
  ownMap.refresh(of, { ...slow, correction: { device: 1.2, worker: 1 } });
  expect(ownMap.of(of).revision).toBe('r1+1');
});

test('what varies from frame to frame is no part of a copy: it counts when a plan is looked up', () => {
  const ownMap = createOwnMap();
  const correction = { device: 2, worker: 1 };
  ownMap.refresh(pushed, { ...input, correction, deviceSpread: 3, busyMs: 80 });
  expect(ownMap.of(pushed)).toEqual(mapOf({ ...input, correction }, 'r1+1'));
});

test('of a map that is pushed anew the first copy does not wait', () => {
  const { after } = createTracked();
  const next = mapOf(input, 'r2');
  expect([after(1.2), after(1)]).toEqual(['r1+1', 'r1+1']);
  expect([after(1, 1.2, next), after(1, 1, next)]).toEqual(['r2+1', 'r2+1']);
});
