import type { Policy } from '../../shared/protocol/messages.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { DeviceState, WorkerRecord } from '../store/member-records.ts';
import type { ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';
import type { DeviceContent, WorkerContent } from './configuration-content.ts';
import type { FleetMaps, MapNeed } from './fleet-maps.ts';
import { placeDevices } from './placement.ts';
import { grantLease } from './profile-lease.ts';

export interface ReconcileOptions {
  store: Store;
  maps: FleetMaps;
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
  const inForce = { policy: record.policy, modelDigest: model.digest };
  const deviceClasses = classesOf('device', devices, inForce, options);
  const workerClasses = classesOf('worker', workers, inForce, options);
  const settings = settingsOf(devices, workers, { deviceClasses, workerClasses });
  const maps = options.maps.provide(mapNeeds(settings, record.policy), inForce);

  const contents = new Map<string, DeviceContent | WorkerContent>();
  const inUse = modelsInUse(store, devices, model.digest);
  for (const worker of workers) {
    const requested = workerClasses.get(worker.hardwareClass)?.holder === worker.id;
    contents.set(worker.id, { models: inUse, profilesRequested: requested ? [model.digest] : [] });
  }
  for (const { device, own, worker } of settings) {
    const map = maps.get(device.id);
    contents.set(device.id, {
      model: model.digest,
      policy: record.policy.version,
      worker: device.workerId,
      workerProfile: worker?.profile ?? null,
      deviceProfile: own?.profile ?? null,
      ...(map === undefined ? {} : { map }),
      profileRequested: own?.holder === device.id,
    });
  }
  const expiries = [...deviceClasses.values(), ...workerClasses.values()].flatMap((state) => state.expiresMs ?? []);
  return {
    changed: storeChanges(contents, now, options),
    nextExpiryMs: expiries.length === 0 ? undefined : Math.min(...expiries),
  };
}

/** A device with how its own class and that of its worker stand. */
interface DeviceSetting {
  device: DeviceState;
  own: ClassState | undefined;
  worker: (ClassState & { hardwareClass: string }) | undefined;
}

function settingsOf(
  devices: readonly DeviceState[],
  workers: readonly WorkerRecord[],
  classes: Record<'deviceClasses' | 'workerClasses', ReadonlyMap<string, ClassState>>,
): DeviceSetting[] {
  const classById = new Map(workers.map(({ id, hardwareClass }) => [id, hardwareClass]));
  return devices.map((device) => {
    const hardwareClass = device.workerId === null ? undefined : classById.get(device.workerId);
    return {
      device,
      own: classes.deviceClasses.get(device.hardwareClass),
      worker: hardwareClass === undefined ? undefined : { hardwareClass, ...classes.workerClasses.get(hardwareClass) },
    };
  });
}

/** @returns by device; empty for a static policy */
function mapNeeds(settings: readonly DeviceSetting[], { configurator }: Policy): Map<string, MapNeed> {
  if (configurator === 'static') return new Map();
  return new Map(
    settings.flatMap(({ device, own, worker }): [string, MapNeed][] => {
      if (own?.profile === undefined || worker?.profile === undefined) return [];
      const { hardwareClass: deviceClass, processorFactor } = device;
      const { hardwareClass: workerClass, profile: workerProfile } = worker;
      return [[device.id, { deviceClass, deviceProfile: own.profile, processorFactor, workerClass, workerProfile }]];
    }),
  );
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
  { policy, modelDigest }: { policy: Policy; modelDigest: string },
  options: ReconcileOptions,
): Map<string, ClassState> {
  const { store, now, leaseMs, log } = options;
  const needsCuts = tier === 'device' && policy.configurator === 'dynamic';
  const states = new Map<string, ClassState>();
  for (const hardwareClass of new Set(members.map((member) => member.hardwareClass))) {
    const key = { tier, hardwareClass, modelDigest };
    const stored = intactProfile(store, key, log);
    const known = stored === undefined ? {} : { profile: stored.hash };
    if (stored !== undefined && !(needsCuts && lacksCuts(stored.profile))) {
      store.leases.remove(key);
      states.set(hardwareClass, known);
      continue;
    }
    const candidates = members.filter((member) => member.online && member.hardwareClass === hardwareClass);
    const before = store.leases.get(key);
    const ids = candidates.map((member) => member.id);
    const lease = grantLease({ candidates: ids, lease: before, nowMs: now.getTime(), leaseMs });
    if (lease === undefined) store.leases.remove(key);
    else if (lease !== before) store.leases.put(key, lease);
    states.set(
      hardwareClass,
      lease === undefined ? known : { ...known, holder: lease.holder, expiresMs: lease.expiresMs },
    );
  }
  return states;
}

/** A damaged profile counts as missing: it is measured again, and the fleet goes on meanwhile. */
function intactProfile(store: Store, key: ProfileKey, log: Log): ReturnType<Store['profiles']['get']> {
  try {
    return store.profiles.get(key);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    log.error({ code: error.code, ...key }, error.message);
    return undefined;
  }
}

/** Of an earlier release: it serves a static policy, but no map can be built of it, so it is measured again. */
function lacksCuts({ exits }: Profile): boolean {
  return exits.some(({ cuts }) => cuts === undefined);
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
