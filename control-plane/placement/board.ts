import type { Placement, PlacementReason } from '../store/member-records.ts';
import type { PlacementSettings } from './settings.ts';
import { calmShare, msSince } from './worker-condition.ts';
import type { Availability, WorkerStanding } from './worker-standings.ts';

/** A device as placement sees it. */
export interface PlaceableDevice extends Placement {
  id: string;
  online: boolean;
}

export interface PlacementInput {
  devices: readonly PlaceableDevice[];
  workers: readonly WorkerStanding[];
  settings: PlacementSettings;
  /** Wall clock, ms since 1970. */
  nowMs: number;
}

/** A worker that may have devices, and who is there. */
export interface Seat {
  readonly worker: WorkerStanding;
  readonly devices: Set<PlaceableDevice>;
  /** Frames a second in use, with what those that were moved take along. */
  used: number;
}

/** A device that has no worker, or one that may have none any longer. */
export interface Homeless {
  device: PlaceableDevice;
  because: PlacementReason;
}

export interface PlacementChange {
  workerId: string | null;
  because: PlacementReason;
}

/** Who is where while a placement is worked out. */
export interface Board {
  readonly settings: PlacementSettings;
  readonly nowMs: number;
  readonly seats: readonly Seat[];
  readonly homeless: readonly Homeless[];
  readonly changes: ReadonlyMap<string, PlacementChange>;
  /** Workers that devices were moved from or to that could have stayed. */
  readonly disturbed: ReadonlySet<string>;
  /** @param to undefined: nowhere */
  settle(homeless: Homeless, to: Seat | undefined): void;
  /** Moves a device from a worker that serves. */
  move(device: PlaceableDevice, way: { from: Seat; to: Seat; because: PlacementReason }): void;
  /** Asks for another look then, ms since 1970, or an interval from now where that is past. */
  lookAgain(atMs: number): void;
  nextMs(): number | undefined;
}

export function createBoard({ devices, workers, settings, nowMs }: PlacementInput): Board {
  const { seats, homeless } = seatAll(devices, workers);
  const changes = new Map<string, PlacementChange>();
  const disturbed = new Set<string>();
  let nextMs: number | undefined;
  return {
    settings,
    nowMs,
    seats,
    homeless,
    changes,
    disturbed,
    settle({ device, because }, to) {
      to?.devices.add(device);
      if (to !== undefined) changes.set(device.id, { workerId: to.worker.id, because });
      else if (device.workerId !== null || device.placedBecause === null) {
        changes.set(device.id, { workerId: null, because: 'none-available' });
      }
    },
    move(device, { from, to, because }) {
      const load = loadOfOne(from);
      from.devices.delete(device);
      to.devices.add(device);
      from.used -= load;
      to.used += load;
      changes.set(device.id, { workerId: to.worker.id, because });
      for (const { worker } of [from, to]) disturbed.add(worker.id);
    },
    lookAgain(atMs) {
      const laterMs = atMs > nowMs ? atMs : nowMs + settings.placementIntervalMs;
      nextMs = Math.min(nextMs ?? laterMs, laterMs);
    },
    nextMs: () => nextMs,
  };
}

function seatAll(devices: readonly PlaceableDevice[], workers: readonly WorkerStanding[]) {
  const known = new Map(workers.map((worker) => [worker.id, worker]));
  const seats = new Map<string, Seat>();
  for (const worker of workers) {
    const used = worker.capacity * (worker.utilisation ?? 0);
    if (worker.availability === 'available') seats.set(worker.id, { worker, devices: new Set(), used });
  }
  const homeless: Homeless[] = [];
  for (const device of devices) {
    const { workerId } = device;
    const seat = workerId === null ? undefined : seats.get(workerId);
    if (seat !== undefined) seat.devices.add(device);
    else homeless.push({ device, because: whyHomeless(workerId === null ? undefined : known.get(workerId)) });
  }
  // In the order of ids, whatever that of the lists is: a place that one takes is not there for the next.
  const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1);
  homeless.sort((one, other) => byId(one.device, other.device));
  return { seats: [...seats.values()].sort((one, other) => byId(one.worker, other.worker)), homeless };
}

const lossOf: Record<Availability, PlacementReason> = {
  available: 'had-none',
  offline: 'worker-gone',
  left: 'worker-left',
  failed: 'worker-failed',
};

function whyHomeless(worker: WorkerStanding | undefined): PlacementReason {
  return worker === undefined ? 'had-none' : lossOf[worker.availability];
}

/** @returns the workers that something can be planned for, or all where that is none */
export function plannableSeats(seats: readonly Seat[]): readonly Seat[] {
  const plannable = seats.filter(({ worker }) => worker.hasTable);
  return plannable.length === 0 ? seats : plannable;
}

export function onlineAt({ devices }: Seat): PlaceableDevice[] {
  return [...devices].filter(({ online }) => online);
}

/** @returns frames a second that one of a worker's online devices takes of it, on the average */
export function loadOfOne(seat: Seat): number {
  return seat.used / Math.max(1, onlineAt(seat).length);
}

/** @returns whether a device was moved neither now nor lately */
export function isRested({ changes, settings, nowMs }: Board, { id, placedMs }: PlaceableDevice): boolean {
  return !changes.has(id) && msSince(placedMs, nowMs) >= settings.placementRestMs;
}

/** When devices that could stay may next be moved from or to a worker, ms since 1970. */
export function restsUntilMs({ settings, nowMs, disturbed }: Board, { worker }: Seat): number {
  const { movedMs } = worker.condition;
  if (disturbed.has(worker.id)) return nowMs + settings.placementIntervalMs;
  return msSince(movedMs, nowMs) < settings.placementIntervalMs ? (movedMs ?? 0) + settings.placementIntervalMs : nowMs;
}

/**
 * A worker is filled up to below where its overload would end, so that what it is given does not come back. Where its
 * load is not known, nothing is moved to it.
 */
export function hasRoomFor({ settings }: Board, { worker, used }: Seat, load: number): boolean {
  if (worker.utilisation === undefined || worker.condition.overloadSinceMs !== null) return false;
  return used + load <= worker.capacity * settings.overloadUtilisation * calmShare;
}

/** @returns how many of so many devices may be moved in one interval */
export function quotaOf({ settings }: Board, devices: number): number {
  return Math.max(1, Math.floor(settings.placementMoveShare * devices));
}

/** @returns the number of devices below which a worker is short of its share, which need not be a whole number */
export function leastOf(share: number, { placementTolerance }: PlacementSettings): number {
  return Math.round(share * (1 - placementTolerance));
}
