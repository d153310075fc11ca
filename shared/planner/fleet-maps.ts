import type { LatencyTable } from '../protocol/profile.ts';
import { buildConfigurationMap, type MapResult } from './algorithm-2.ts';
import type { BandwidthState } from './bandwidth-states.ts';
import type { ModelShape } from './plan.ts';
import type { PlanningInput } from './predict.ts';
import { type PlanTables, type PreparedPlans, preparePlans } from './prepared-plans.ts';

/** What one map of a fleet is for: a device class, a worker class, a model and a policy. */
export interface FleetCombination {
  tables: PlanTables;
  conditions: Omit<PlanningInput, 'plans' | 'allow'>;
  states: readonly BandwidthState[];
  /** Of the map that this combination gets; equal combinations may have different ones. */
  revision: string;
}

export interface FleetMaps {
  /** In the order of the combinations; equal ones share their entries. */
  results: MapResult[];
  /** How many maps were built. */
  built: number;
}

/**
 * The configuration maps of a fleet. Combinations are equal where all that a plan depends on is: names and versions
 * do not count, and which of two objects with the same content holds it does not either.
 * @throws {FleetError} what `preparePlans` and `buildConfigurationMap` throw
 */
export function buildFleetMaps(combinations: readonly FleetCombination[]): FleetMaps {
  const keyOf = createContentKeys();
  const prepared = new Map<string, PreparedPlans>();
  const built = new Map<string, MapResult>();
  const results = combinations.map((combination): MapResult => {
    const { tables, conditions, states, revision } = combination;
    const tablesKey = [keyOf(tables.model), keyOf(tables.device), keyOf(tables.worker)].join();
    const key = [tablesKey, keyOf(conditions), keyOf(states)].join();
    const result = getOrMake(built, key, () => {
      const plans = getOrMake(prepared, tablesKey, () => preparePlans(tables));
      return buildConfigurationMap({ input: { ...conditions, plans }, states, revision });
    });
    return result.kind === 'map' ? { kind: 'map', map: { ...result.map, revision } } : result;
  });
  return { results, built: built.size };
}

function getOrMake<T>(made: Map<string, T>, key: string, make: () => T): T {
  const found = made.get(key) ?? make();
  made.set(key, found);
  return found;
}

type Keyed = ModelShape | LatencyTable | FleetCombination['conditions'] | readonly BandwidthState[] | null;

/** Numbers each content; an object that was seen before is not looked at again. */
function createContentKeys(): (part: Keyed) => number {
  const byObject = new Map<Keyed, number>();
  const byContent = new Map<string, number>();
  return (part) => {
    const known = byObject.get(part);
    if (known !== undefined) return known;
    const content = JSON.stringify(part, withoutNames);
    const key = byContent.get(content) ?? byContent.size;
    byContent.set(content, key);
    byObject.set(part, key);
    return key;
  };
}

/** Leaves out what no plan depends on, and puts the fields of an object in one order. */
function withoutNames(key: string, value: unknown): unknown {
  if (key === 'name' || key === 'version' || key === 'hardwareClass' || key === 'p90Ms') return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
