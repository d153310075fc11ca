import { readConfig } from '../../shared/runtime/config.ts';
import type { PlaceableDevice } from '../placement/board.ts';
import { type PlacementSettings, PlacementSettingsSchema } from '../placement/settings.ts';
import type { WorkerStanding } from '../placement/worker-standings.ts';
import { newWorkerCondition, type WorkerCondition } from '../store/worker-conditions.ts';

/** Wall clock at which these tests play, ms since 1970. */
export const startMs = Date.UTC(2020, 0, 1);

export const defaultPlacement: PlacementSettings = readConfig(PlacementSettingsSchema, {});

/** @returns a device that is online and was placed long ago */
export function placeable(
  id: string,
  workerId: string | null = null,
  more: Partial<PlaceableDevice> = {},
): PlaceableDevice {
  const placed: PlaceableDevice = {
    id,
    online: true,
    workerId,
    placedMs: workerId === null ? null : startMs - 3_600_000,
    placedBecause: workerId === null ? null : 'had-none',
    placedFrom: null,
  };
  return { ...placed, ...more };
}

/** @returns a worker that has been there for long, is idle and says so */
export function standing(
  id: string,
  {
    condition = {},
    ...more
  }: Partial<Omit<WorkerStanding, 'condition'>> & { condition?: Partial<WorkerCondition> } = {},
): WorkerStanding {
  const long = { ...newWorkerCondition, availableSinceMs: startMs - 3_600_000, reportedMs: startMs };
  const idle = { availability: 'available', hasTable: true, capacity: 10, utilisation: 0 } as const;
  return { id, ...idle, ...more, condition: { ...long, ...condition } };
}
