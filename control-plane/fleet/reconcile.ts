import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { DeviceState, WorkerRecord } from '../store/member-records.ts';
import type { ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';
import type { DeviceContent, WorkerContent } from './configuration-content.ts';
import { placeDevices } from './placement.ts';
import { grantLease } from './profile-lease.ts';

export interface ReconcileOptions {
  store: Store;
  /** Wall clock. */
  now: Date;
  leaseMs: number;
  log: Log;
}

export interface Reconciled {
  /** Members whose configuration has a new version. */
  changed: string[];
  /** When the first lease expires, ms since 1970; undefined: no profile is missing. */
  nextExpiryMs: number | undefined;
}

/**
 * Brings placement, leases and the configuration of every member in line with what is known of the fleet.
 * INVARIANTS: runs within one transaction; the same fleet gives the same result, so it may run at any time, and
 * only what differs is stored and pushed.
 */
export function reconcile(options: ReconcileOptions): Reconciled {
  const { store, now } = options;
  const record = store.policies.current();
  const model = record === undefined ? undefined : store.models.newest(record.model);
  if (record === undefined || model === undefined) return { changed: [], nextExpiryMs: undefined };

  const workers = store.members.workers();
  const devices = place(store, workers);
  const deviceClasses = classesOf('device', devices, model.digest, options);
  const workerClasses = classesOf('worker', workers, model.digest, options);
  const workerById = new Map(workers.map((worker) => [worker.id, worker]));

  const contents = new Map<string, DeviceContent | WorkerContent>();
  const inUse = modelsInUse(store, devices, model.digest);
  for (const worker of workers) {
    const requested = workerClasses.get(worker.hardwareClass)?.holder === worker.id;
    contents.set(worker.id, { models: inUse, profilesRequested: requested ? [model.digest] : [] });
  }
  for (const device of devices) {
    const own = deviceClasses.get(device.hardwareClass);
    const worker = device.workerId === null ? undefined : workerById.get(device.workerId);
    contents.set(device.id, {
      model: model.digest,
      policy: record.policy.version,
      worker: device.workerId,
      workerProfile: (worker && workerClasses.get(worker.hardwareClass)?.profile) ?? null,
      deviceProfile: own?.profile ?? null,
      profileRequested: own?.holder === device.id,
    });
  }
  const expiries = [...deviceClasses.values(), ...workerClasses.values()].flatMap((state) => state.expiresMs ?? []);
  return {
    changed: storeChanges(contents, now, options),
    nextExpiryMs: expiries.length === 0 ? undefined : Math.min(...expiries),
  };
}

function place(store: Store, workers: readonly WorkerRecord[]): DeviceState[] {
  const devices = store.members.deviceStates();
  const changes = placeDevices(devices, workers);
  for (const [deviceId, workerId] of changes) store.members.setWorker(deviceId, workerId);
  return devices.map((device) => {
    const workerId = changes.get(device.id);
    return workerId === undefined ? device : { ...device, workerId };
  });
}

/** How a hardware class stands with the model in force: its profile's hash, or who is to measure one. */
interface ClassState {
  profile?: string;
  holder?: string;
  expiresMs?: number;
}

function classesOf(
  tier: ProfileKey['tier'],
  members: readonly { id: string; hardwareClass: string; online: boolean }[],
  modelDigest: string,
  options: ReconcileOptions,
): Map<string, ClassState> {
  const { store, now, leaseMs, log } = options;
  const states = new Map<string, ClassState>();
  for (const hardwareClass of new Set(members.map((member) => member.hardwareClass))) {
    const key = { tier, hardwareClass, modelDigest };
    const profile = intactProfileHash(store, key, log);
    if (profile !== undefined) {
      store.leases.remove(key);
      states.set(hardwareClass, { profile });
      continue;
    }
    const candidates = members.filter((member) => member.online && member.hardwareClass === hardwareClass);
    const before = store.leases.get(key);
    const ids = candidates.map((member) => member.id);
    const lease = grantLease({ candidates: ids, lease: before, nowMs: now.getTime(), leaseMs });
    if (lease === undefined) store.leases.remove(key);
    else if (lease !== before) store.leases.put(key, lease);
    states.set(hardwareClass, lease === undefined ? {} : { holder: lease.holder, expiresMs: lease.expiresMs });
  }
  return states;
}

/** A damaged profile counts as missing: it is measured again, and the fleet goes on meanwhile. */
function intactProfileHash(store: Store, key: ProfileKey, log: Log): string | undefined {
  try {
    return store.profiles.get(key)?.hash;
  } catch (error) {
    if (!isFleetError(error)) throw error;
    log.error({ code: error.code, ...key }, error.message);
    return undefined;
  }
}

/** The model in force, and those that online devices still run: a worker serves both while a fleet changes over. */
function modelsInUse(store: Store, devices: readonly DeviceState[], inForce: string): string[] {
  const reported = devices.flatMap((device) => (device.online && device.modelDigest) || []);
  const others = [...new Set(reported)].filter((digest) => digest !== inForce && store.models.get(digest));
  return [inForce, ...others.sort()];
}

function storeChanges(
  contents: ReadonlyMap<string, DeviceContent | WorkerContent>,
  now: Date,
  { store, log }: ReconcileOptions,
): string[] {
  const changed: string[] = [];
  const before = store.configurations.contents();
  for (const [id, content] of contents) {
    const text = JSON.stringify(content);
    if (before.get(id) === text) continue;
    try {
      if (store.configurations.put(id, text, now.toISOString())) changed.push(id);
    } catch (error) {
      // One damaged row must not keep the rest of the fleet from its configuration.
      if (!isFleetError(error)) throw error;
      log.error({ code: error.code, member: id }, error.message);
    }
  }
  return changed;
}
