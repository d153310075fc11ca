import { expect, test } from 'vitest';
import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { statesOf } from '../shared/testing/bandwidth-states.ts';
import { planningInput, type SmallExit } from '../shared/testing/planning-input.ts';
import { createOwnMap } from './own-map.ts';

const only: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const input = planningInput([only], { deadlineMs: 100 });
const pushed = mapOf(input, 'r1');

function mapOf(planning: PlanningInput, revision: string): ConfigurationMap {
  const result = buildConfigurationMap({ input: planning, states: statesOf([0.25, 2, 20]), revision });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

/** @returns a copy of the map on a clock, and what is its revision after a refresh with these factors */
function createTracked() {
  const clock = createFakeClock();
  const ownMap = createOwnMap(clock);
  return {
    clock,
    after(device: number, worker = 1, of = pushed): string {
      ownMap.refresh(of, { ...input, correction: { device, worker } });
      return ownMap.of(of).revision;
    },
  };
}

test('what goes to and fro by little builds one copy in ten seconds', () => {
  const { clock, after } = createTracked();
  const seen = new Set<string>();
  for (let second = 0; second < 67; second += 1) {
    seen.add(after(second % 2 === 0 ? 1.2 : 1));
    clock.advance(1000);
  }
  // Sixty-seven without the gap.
  expect(seen.size).toBe(7);
});

test('what goes on and on the same way is followed at once', () => {
  const { after } = createTracked();
  expect([1.4, 1.7, 2, 2.4, 2.8].map((worker) => after(1, worker))).toEqual(['r1+1', 'r1+2', 'r1+3', 'r1+4', 'r1+5']);
});

test('a turn back waits for the gap, whatever moved meanwhile, and a large one does not', () => {
  const { clock, after } = createTracked();
  expect([after(1.2), after(1), after(1.2, 1.2), after(1, 1.2)]).toEqual(['r1+1', 'r1+1', 'r1+2', 'r1+2']);
  expect(after(0.59)).toBe('r1+3');
  expect(after(0.8)).toBe('r1+3');
  clock.advance(9_999);
  expect(after(0.8)).toBe('r1+3');
  clock.advance(1);
  expect(after(0.8)).toBe('r1+4');
});

test('what varies from frame to frame is no part of a copy: it counts when a plan is looked up', () => {
  const clock = createFakeClock();
  const ownMap = createOwnMap(clock);
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
