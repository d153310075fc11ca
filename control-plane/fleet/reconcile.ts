import type { Policy } from '../../shared/protocol/messages.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import { type PlaceFleetOptions, placeFleet } from '../placement/place-fleet.ts';
import type { DeviceState, WorkerRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import { type ClassOptions, type ClassState, type ClassStates, classStates } from './classes.ts';
import type { DeviceContent, WorkerContent } from './configuration-content.ts';
import type { FleetMaps, MapNeed } from './fleet-maps.ts';

export interface ReconcileOptions extends ClassOptions, Pick<PlaceFleetOptions, 'speeds' | 'placement'> {
  maps: FleetMaps;
}

export interface Reconciled {
  /** Members whose configuration has a new version. */
  changed: string[];
  /** When time alone changes something, ms since 1970: a lease expires, drift has lasted; undefined: never. */
  nextMs: number | undefined;
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
  if (record === undefined || model === undefined) return { changed: [], nextMs: undefined };

  const workers = store.members.workers();
  const before = store.members.deviceStates();
  const inForce = { policy: record.policy, modelDigest: model.digest };
  // Drift speaks of the worker that a device had until now.
  const classes = classStates({ device: before, worker: workers }, model.digest, options);
  options.speeds.learn(classes.worker, model.digest);
  const { devices, nextMs: nextMoveMs } = placeFleet(before, workers, model.digest, options);
  const settings = settingsOf(devices, workers, classes);
  const maps = options.maps.provide(mapNeeds(settings, record.policy), inForce);

  const contents = new Map<string, DeviceContent | WorkerContent>();
  const inUse = modelsInUse(store, devices, model.digest);
  for (const worker of workers) {
    const requested = classes.worker.get(worker.hardwareClass)?.holder === worker.id;
    contents.set(worker.id, { models: inUse, profilesRequested: requested ? [model.digest] : [] });
  }
  const manifest = store.models.manifestDigest(model.digest);
  for (const { device, own, worker } of settings) {
    const map = maps.get(device.id);
    contents.set(device.id, {
      model: model.digest,
      ...(manifest === undefined ? {} : { manifest }),
      policy: record.policy.version,
      worker: device.workerId,
      workerProfile: worker?.table ?? null,
      deviceProfile: own?.table ?? null,
      ...(map === undefined ? {} : { map }),
      profileRequested: own?.holder === device.id,
    });
  }
  const states = [...classes.device.values(), ...classes.worker.values()];
  const times = [nextMoveMs, ...states.map(({ nextMs }) => nextMs)].filter((time) => time !== undefined);
  return {
    changed: storeChanges(contents, now, options),
    nextMs: times.length === 0 ? undefined : Math.min(...times),
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
  classes: ClassStates,
): DeviceSetting[] {
  const classById = new Map(workers.map(({ id, hardwareClass }) => [id, hardwareClass]));
  return devices.map((device) => {
    const hardwareClass = device.workerId === null ? undefined : classById.get(device.workerId);
    return {
      device,
      own: classes.device.get(device.hardwareClass),
      worker: hardwareClass === undefined ? undefined : { hardwareClass, ...classes.worker.get(hardwareClass) },
    };
  });
}

/** @returns by device; empty for a static policy */
function mapNeeds(settings: readonly DeviceSetting[], { configurator }: Policy): Map<string, MapNeed> {
  if (configurator === 'static') return new Map();
  return new Map(
    settings.flatMap(({ device, own, worker }): [string, MapNeed][] => {
      if (own?.table === undefined || worker?.table === undefined) return [];
      const { hardwareClass: deviceClass, processorFactor } = device;
      const { hardwareClass: workerClass, table: workerTable } = worker;
      return [[device.id, { deviceClass, deviceTable: own.table, processorFactor, workerClass, workerTable }]];
    }),
  );
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
