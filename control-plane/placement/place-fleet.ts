import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../shared/runtime/log.ts';
import type { DeviceState, WorkerRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import type { PlacementChange } from './board.ts';
import { placeDevices } from './place-devices.ts';
import type { PlacementSettings } from './settings.ts';
import type { WorkerSpeeds } from './worker-speeds.ts';
import { type WorkerStanding, workerStandings } from './worker-standings.ts';

export interface PlaceFleetOptions {
  store: Store;
  speeds: WorkerSpeeds;
  placement: PlacementSettings;
  /** Wall clock. */
  now: Date;
  log: Log;
}

/**
 * Places all devices and stores where they are from now on. The caller holds the transaction.
 * @returns the devices with where they are now, and when time alone may move one, ms since 1970
 */
export function placeFleet(
  devices: readonly DeviceState[],
  workers: readonly WorkerRecord[],
  modelDigest: string,
  options: PlaceFleetOptions,
): { devices: DeviceState[]; nextMs: number | undefined } {
  const { store, speeds, placement: settings } = options;
  const nowMs = options.now.getTime();
  const conditions = store.workerConditions.all();
  const standings = workerStandings(workers, { conditions, speeds, modelDigest, nowMs });
  const { changes, disturbed, nextMs } = placeDevices({ devices, workers: standings, settings, nowMs });
  for (const { id, condition } of standings) {
    const after = disturbed.has(id) ? { ...condition, movedMs: nowMs } : condition;
    if (!isDeepStrictEqual(after, conditions.get(id))) store.workerConditions.put(id, after);
  }
  logMoves(devices, changes, options.log);
  const placed = devices.map((device) => {
    const change = changes.get(device.id);
    if (change === undefined) return device;
    const { workerId, because: placedBecause } = change;
    const placement = { workerId, placedMs: nowMs, placedBecause, placedFrom: device.workerId };
    store.members.setPlacement(device.id, placement);
    return { ...device, ...placement };
  });
  return { devices: placed, nextMs };
}

/** One line for all that went the same way. */
function logMoves(devices: readonly DeviceState[], changes: ReadonlyMap<string, PlacementChange>, log: Log): void {
  const ways = new Map<string, { from: string | null; to: string | null; because: string; devices: number }>();
  for (const { id, workerId: from } of devices) {
    const change = changes.get(id);
    if (change === undefined) continue;
    const { workerId: to, because } = change;
    const key = JSON.stringify([from, to, because]);
    ways.set(key, { from, to, because, devices: (ways.get(key)?.devices ?? 0) + 1 });
  }
  for (const way of ways.values()) log.info(way, 'devices placed');
}

/** @returns how each worker stands now, as the last placement saw them but for the time that has passed */
export function currentStandings(
  { store, speeds }: Pick<PlaceFleetOptions, 'store' | 'speeds'>,
  now: Date,
): WorkerStanding[] {
  const policy = store.policies.current();
  const modelDigest = policy && store.models.newest(policy.model)?.digest;
  if (modelDigest === undefined) return [];
  const conditions = store.workerConditions.all();
  return workerStandings(store.members.workers(), { conditions, speeds, modelDigest, nowMs: now.getTime() });
}
