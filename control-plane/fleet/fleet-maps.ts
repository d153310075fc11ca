import { manifestParser } from '../../shared/model/manifest.ts';
import { assumedConditions } from '../../shared/planner/assumed-conditions.ts';
import type { BandwidthState } from '../../shared/planner/bandwidth-states.ts';
import { buildFleetMaps, type FleetCombination } from '../../shared/planner/fleet-maps.ts';
import { limitStates } from '../../shared/planner/limit-states.ts';
import { modelShape } from '../../shared/planner/model-shape.ts';
import type { ConfigurationMap } from '../../shared/protocol/configuration-map.ts';
import { withRevision } from '../../shared/protocol/map-revision.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../store/store.ts';
import { tableOf } from './latency-tables.ts';

/** What the map of a device depends on, besides what is the same for the whole fleet. */
export interface MapNeed {
  deviceClass: string;
  /** Hash of the latency table, of this and of the worker's class. */
  deviceTable: string;
  processorFactor: number;
  workerClass: string;
  workerTable: string;
}

/**
 * The configuration maps of the fleet (Algorithm 2).
 * INVARIANT: a map is built once for as long as what it depends on stays, however often it is asked for.
 */
export interface FleetMaps {
  /**
   * Builds and stores the maps that are needed, and deletes all others. The caller holds the transaction.
   * @returns revision by device; none for a device whose map cannot be built
   */
  provide(needs: ReadonlyMap<string, MapNeed>, inForce: { policy: Policy; modelDigest: string }): Map<string, string>;
}

type InForce = Parameters<FleetMaps['provide']>[1];
/** By all that they depend on; null: there is none. */
type KnownMaps = ReadonlyMap<string, ConfigurationMap | null>;

interface FleetMapsOptions {
  store: Store;
  /** While the operator has put no others in force. */
  defaultStates: readonly BandwidthState[];
  log: Log;
}

export function createFleetMaps(options: FleetMapsOptions): FleetMaps {
  const { store } = options;
  let known: KnownMaps = new Map();
  return {
    provide(needs, inForce) {
      const statesVersion = store.bandwidthStates.version();
      const keyOf = (need: MapNeed): string => `${statesVersion},${keyUnder(need, inForce)}`;
      const keyed = new Map([...needs.values()].map((need) => [keyOf(need), need]));
      const missing = new Map([...keyed].filter(([key]) => !known.has(key)));
      const built = buildMissing(missing, inForce, options);
      known = new Map([...keyed.keys()].map((key) => [key, known.get(key) ?? built.get(key) ?? null]));
      const maps = new Map([...known.values()].flatMap((map) => (map === null ? [] : [[map.revision, map]])));
      for (const map of maps.values()) store.maps.put(map);
      store.maps.keepOnly(maps.keys());
      return new Map(
        [...needs].flatMap(([id, need]) => {
          const revision = known.get(keyOf(need))?.revision;
          return revision === undefined ? [] : [[id, revision]];
        }),
      );
    },
  };
}

/** Two hardware classes with one table's content are told apart by its hash already. */
function keyUnder({ deviceTable, processorFactor, workerTable }: MapNeed, { policy, modelDigest }: InForce): string {
  return [deviceTable, processorFactor, workerTable, policy.version, modelDigest].join();
}

function buildMissing(
  missing: ReadonlyMap<string, MapNeed>,
  inForce: InForce,
  options: FleetMapsOptions,
): Map<string, ConfigurationMap> {
  const { store, log } = options;
  if (missing.size === 0) return new Map();
  try {
    const states = store.bandwidthStates.current()?.states ?? options.defaultStates;
    const combinations = [...missing].flatMap(([key, need]) => {
      const combination = combinationOf(need, inForce, { store, states });
      return combination === undefined ? [] : [{ key, combination }];
    });
    const { results, built } = buildFleetMaps(combinations.map(({ combination }) => combination));
    if (built > 0) log.info({ built, asked: combinations.length }, 'configuration maps built');
    return new Map(
      results.flatMap((result, i): [string, ConfigurationMap][] => {
        if (result.kind === 'map') return [[combinations[i]?.key ?? '', withRevision(result.map)]];
        log.warn({ reason: result.reason }, 'a configuration map has no plan to choose from');
        return [];
      }),
    );
  } catch (error) {
    // Devices without a map plan each frame by themselves: no reason to keep the fleet from its configuration.
    if (!isFleetError(error)) throw error;
    log.error({ code: error.code }, error.message);
    return new Map();
  }
}

/** @returns undefined where a table is gone, or the model could not be described */
function combinationOf(
  need: MapNeed,
  { policy, modelDigest }: InForce,
  { store, states }: { store: Store; states: readonly BandwidthState[] },
): FleetCombination | undefined {
  const { deviceClass, workerClass, processorFactor } = need;
  const device = tableOf(store, { tier: 'device', hardwareClass: deviceClass, modelDigest });
  const worker = tableOf(store, { tier: 'worker', hardwareClass: workerClass, modelDigest });
  const manifest = store.models.manifest(modelDigest);
  const description = store.descriptions.get(modelDigest);
  if (device === undefined || worker === undefined || manifest === undefined || description === undefined) {
    return undefined;
  }
  return {
    tables: { model: modelShape(description, manifestParser.parseJson(manifest)), device, worker },
    conditions: assumedConditions({ policy, processorFactor }),
    states: limitStates(states, policy.stateCount),
    revision: '',
  };
}
