import type { ConfigurationMap, ConfigurationMapEntry } from '../protocol/configuration-map.ts';
import { FleetError } from '../runtime/errors.ts';
import { samePlan } from './plan.ts';

/**
 * find(s) of Algorithm 3.
 * @param stateIndex 0..N − 1, in the order of the map's states
 * @throws {FleetError} `configuration-map-empty`, `bandwidth-state-unknown`
 */
export function findEntry(map: ConfigurationMap, stateIndex: number): ConfigurationMapEntry {
  requireEntries(map);
  const entry = map.entries[stateIndex];
  if (entry === undefined) {
    throw new FleetError(
      'bandwidth-state-unknown',
      `map ${map.revision} has states 0 to ${map.entries.length - 1}, not ${stateIndex}`,
    );
  }
  return entry;
}

/** A range of rates whose frames are run otherwise than before. */
export interface MapChange {
  /** Uplink, Mbit/s. */
  fromMbps: number;
  /** Where the range ends, Mbit/s; null: nowhere. */
  toMbps: number | null;
  before: Planned;
  after: Planned;
}

type Planned = Pick<ConfigurationMapEntry, 'plan' | 'feasible'>;

/**
 * What changes from one map to another, whatever their states: the ranges of the uplink's rate for which the plan,
 * or whether it meets the deadline, is another one. Predicted times do not count.
 * @returns ascending; empty where the maps come to the same
 * @throws {FleetError} `configuration-map-empty`
 */
export function diffMaps(before: ConfigurationMap, after: ConfigurationMap): MapChange[] {
  requireEntries(before);
  requireEntries(after);
  const bounds = [...new Set([before, after].flatMap(({ entries }) => entries.map(({ state }) => state.fromMbps)))];
  const ascending = bounds.toSorted((a, b) => a - b);
  const ranges = ascending.flatMap((fromMbps, i): MapChange[] => {
    const [old, next] = [entryFor(before, fromMbps), entryFor(after, fromMbps)];
    if (old === undefined || next === undefined || isSame(old, next)) return [];
    return [{ fromMbps, toMbps: ascending[i + 1] ?? null, before: plannedAs(old), after: plannedAs(next) }];
  });
  return joinRanges(ranges);
}

/** The entry of the state that a rate lies in. */
function entryFor({ entries }: ConfigurationMap, mbps: number): ConfigurationMapEntry | undefined {
  return entries.findLast(({ state }) => state.fromMbps <= mbps) ?? entries[0];
}

function plannedAs({ plan, feasible }: Planned): Planned {
  return { plan, feasible };
}

function isSame(a: Planned, b: Planned): boolean {
  return samePlan(a.plan, b.plan) && a.feasible === b.feasible;
}

/** Ranges that touch and change alike are one. */
function joinRanges(ranges: readonly MapChange[]): MapChange[] {
  const joined: MapChange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last?.toMbps === range.fromMbps && isSame(last.before, range.before) && isSame(last.after, range.after)) {
      joined[joined.length - 1] = { ...last, toMbps: range.toMbps };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

function requireEntries({ entries, revision }: ConfigurationMap): void {
  if (entries.length === 0) throw new FleetError('configuration-map-empty', `map ${revision} has no entries`);
}
