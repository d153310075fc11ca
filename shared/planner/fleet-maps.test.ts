import { expect, test } from 'vitest';
import { statesOf } from '../testing/bandwidth-states.ts';
import { planningInput, planTables, type SmallExit } from '../testing/planning-input.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import { buildFleetMaps, type FleetCombination } from './fleet-maps.ts';
import { preparePlans } from './prepared-plans.ts';

const exit: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const { plans: _, ...conditions } = planningInput([exit]);
const base: FleetCombination = { tables: planTables([exit]), conditions, states: statesOf([0.5, 8]), revision: '1' };

/** The same content in other objects, fields in another order. */
function copyOf({ tables, states, ...rest }: FleetCombination): FleetCombination {
  const { model, worker, device } = structuredClone(tables);
  return { ...structuredClone(rest), states: structuredClone(states), tables: { worker, device, model } };
}

test('each combination gets the map that is built for it alone', () => {
  const fast = { ...base, tables: planTables([{ ...exit, headMs: [0, 1, 2] }]) };
  const strict = { ...base, conditions: { ...conditions, policy: { ...conditions.policy, deadlineMs: 50 } } };
  const all = [base, fast, strict];
  const { results, built } = buildFleetMaps(all);
  expect(built).toBe(3);
  expect(results).toEqual(
    all.map((one) => {
      const input = { ...one.conditions, plans: preparePlans(one.tables) };
      return buildConfigurationMap({ input, states: one.states, revision: one.revision });
    }),
  );
});

test('equal combinations share what was built once, each under its own revision', () => {
  const renamed = copyOf(base);
  const { policy } = renamed.conditions;
  const other = { ...renamed, revision: '2', conditions: { ...renamed.conditions, policy: { ...policy, version: 7 } } };
  const { results, built } = buildFleetMaps([base, copyOf(base), other]);
  expect(built).toBe(1);
  const maps = results.flatMap((result) => (result.kind === 'map' ? [result.map] : []));
  expect(maps.map(({ revision }) => revision)).toEqual(['1', '1', '2']);
  expect(new Set(maps.map(({ entries }) => entries)).size).toBe(1);
});

test('any part that plans depend on makes another map', () => {
  const variants: FleetCombination[] = [
    base,
    { ...base, states: statesOf([0.5, 9]) },
    { ...base, conditions: { ...conditions, processorFactor: 2 } },
    { ...base, conditions: { ...conditions, offload: null } },
    { ...base, conditions: { ...conditions, policy: { ...conditions.policy, objective: 'latency' } } },
    { ...base, tables: { ...base.tables, worker: null } },
    { ...base, tables: planTables([{ ...exit, accuracy: 0.7 }]) },
    { ...base, tables: planTables([{ ...exit, elements: [3000, 501, 10] }]) },
  ];
  expect(buildFleetMaps(variants).built).toBe(variants.length);
});

test('a combination without any plan says why, and the others have their maps', () => {
  const hopeless = { ...base, conditions: { ...conditions, policy: { ...conditions.policy, minimumAccuracy: 0.9 } } };
  const { results } = buildFleetMaps([hopeless, base]);
  expect(results.map(({ kind }) => kind)).toEqual(['no-plan', 'map']);
  expect(buildFleetMaps([])).toEqual({ results: [], built: 0 });
});
