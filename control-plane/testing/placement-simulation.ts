import type { PlaceableDevice } from '../placement/board.ts';
import { placeDevices } from '../placement/place-devices.ts';
import type { PlacementSettings } from '../placement/settings.ts';
import { stepCondition, withAvailability } from '../placement/worker-condition.ts';
import type { PlacementReason } from '../store/member-records.ts';
import { newWorkerCondition, type WorkerCondition } from '../store/worker-conditions.ts';
import { load } from './messages.ts';
import { defaultPlacement, placeable, startMs } from './placement.ts';

/** A move of one device, at a time since the start of the simulation. */
export interface SimulatedMove {
  atMs: number;
  device: string;
  from: string | null;
  to: string | null;
  because: PlacementReason;
}

interface SimulatedWorker {
  id: string;
  capacity: number;
  online: boolean;
  condition: WorkerCondition;
}

/** Devices that ask for so many frames a second whatever they get, and workers that report each second. */
export interface PlacementSimulation {
  readonly moves: readonly SimulatedMove[];
  setOnline(worker: string, online: boolean): void;
  setDemand(device: string, framesPerSecond: number): void;
  /** @returns frames a second that are asked of a worker by its capacity */
  asked(worker: string): number;
  devicesAt(worker: string): number;
  run(ms: number): void;
}

/** @param demands frames a second, by device @param capacities frames a second, by worker; all online from the start */
export function simulatePlacement(
  demands: Readonly<Record<string, number>>,
  capacities: Readonly<Record<string, number>>,
  settings: PlacementSettings = defaultPlacement,
): PlacementSimulation {
  const asking = new Map(Object.entries(demands));
  const devices = new Map([...asking.keys()].map((id) => [id, placeable(id)]));
  const workers = Object.entries(capacities).map(([id, capacity]): SimulatedWorker => {
    return { id, capacity, online: true, condition: newWorkerCondition };
  });
  const moves: SimulatedMove[] = [];
  let nowMs = startMs;

  const at = (worker: string): PlaceableDevice[] => [...devices.values()].filter(({ workerId }) => workerId === worker);
  const askedOf = ({ id, capacity }: SimulatedWorker): number =>
    at(id).reduce((sum, device) => sum + (asking.get(device.id) ?? 0), 0) / capacity;

  function report(worker: SimulatedWorker): void {
    if (!worker.online) return;
    const now = load(Math.min(1, askedOf(worker)));
    worker.condition = stepCondition({ before: worker.condition, previous: null, load: now, nowMs, settings });
  }

  function place(): void {
    for (const worker of workers) worker.condition = withAvailability(worker.condition, worker.online, nowMs);
    const standings = workers.map(({ id, capacity, online, condition }) => ({
      id,
      availability: online ? ('available' as const) : ('offline' as const),
      hasTable: true,
      capacity,
      utilisation: condition.reportedMs === null ? undefined : condition.utilisation,
      condition,
    }));
    const { changes, disturbed } = placeDevices({
      devices: [...devices.values()],
      workers: standings,
      settings,
      nowMs,
    });
    for (const worker of workers) {
      if (disturbed.has(worker.id)) worker.condition = { ...worker.condition, movedMs: nowMs };
    }
    for (const [id, { workerId, because }] of changes) {
      const from = devices.get(id)?.workerId ?? null;
      devices.set(id, placeable(id, workerId, { placedMs: nowMs, placedBecause: because, placedFrom: from }));
      moves.push({ atMs: nowMs - startMs, device: id, from, to: workerId, because });
    }
  }

  function find(id: string): SimulatedWorker {
    const worker = workers.find((each) => each.id === id);
    if (worker === undefined) throw new Error(`no worker ${id}`);
    return worker;
  }
  place();
  return {
    moves,
    setOnline(id, online) {
      find(id).online = online;
      place();
    },
    setDemand: (device, framesPerSecond) => void asking.set(device, framesPerSecond),
    asked: (id) => askedOf(find(id)),
    devicesAt: (worker) => at(worker).length,
    run(ms) {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        nowMs += 1000;
        for (const worker of workers) report(worker);
        place();
      }
    },
  };
}
