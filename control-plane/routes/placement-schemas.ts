import { type Static, Type } from 'typebox';
import { availabilities, freeCapacity, type WorkerStanding } from '../placement/worker-standings.ts';
import { type Placement, placementReasons } from '../store/member-records.ts';
import type { PlacedCount } from '../store/members.ts';
import { nullable } from './schemas.ts';

const Time = Type.String({ description: 'ISO 8601, UTC.' });

/** Why a device is where it is. */
export const DevicePlacementSchema = Type.Object({
  worker: nullable(Type.String({ description: 'Where it is placed; null: nowhere, it runs alone.' })),
  since: nullable(Time),
  reason: nullable(
    Type.Enum(placementReasons, {
      description: [
        'had-none: it had no worker before;',
        'worker-gone: the worker before went offline without a word;',
        'worker-left: it was stopped and said so;',
        'worker-failed: it cannot serve the model in force;',
        'worker-overloaded: it was overloaded for longer than overloadPersistMs;',
        'fair-share: this worker came, or came back, and had fewer devices than its share;',
        'none-available: there is no worker.',
      ].join(' '),
    }),
  ),
  from: nullable(Type.String({ description: 'The worker that it was at before.' })),
});

/** What decides which devices a worker gets. */
export const WorkerPlacementSchema = Type.Object({
  availability: Type.Enum(availabilities, {
    description:
      'Whether it may have devices: not while it is offline, has left, or cannot serve the model in force (failed).',
  }),
  availableSince: nullable(Time),
  devices: Type.Integer({ description: 'Placed there; GET /devices?worker=ID lists them.' }),
  devicesOnline: Type.Integer(),
  capacity: Type.Number({
    description:
      'Frames a second that its threads run to the deepest exit, by the profile of its class: of workers that serve, each has its share of the devices by this. Where no class has a profile, threads.',
  }),
  weight: Type.Number({
    description: 'What is free of its capacity by its last reports: by this, devices without a worker are shared out.',
  }),
  load: nullable(
    Type.Object(
      {
        utilisation: Type.Number({ description: 'Share of the time that its threads compute.' }),
        refusedShare: Type.Number({ description: 'Share of the requests that were refused, or late in the queue.' }),
        queueMs: Type.Number({ description: 'Wait in the queue, ms.' }),
      },
      { description: 'Smoothed over its last reports; null: it reported nothing for 10 s.' },
    ),
  ),
  overloadedSince: nullable(Time),
});

/** @returns why this device is where it is */
export function devicePlacement({
  workerId: worker,
  placedMs,
  placedBecause: reason,
  placedFrom: from,
}: Placement): Static<typeof DevicePlacementSchema> {
  return { worker, since: isoTime(placedMs), reason, from };
}

/** @returns what decides which devices this worker gets */
export function workerPlacement(
  standing: WorkerStanding,
  { devices, online }: PlacedCount = { devices: 0, online: 0 },
): Static<typeof WorkerPlacementSchema> {
  const { availability, capacity, utilisation, condition } = standing;
  const { refusedShare, queueMs, availableSinceMs, overloadSinceMs } = condition;
  return {
    availability,
    availableSince: isoTime(availableSinceMs),
    devices,
    devicesOnline: online,
    capacity,
    weight: availability === 'available' ? freeCapacity(standing) : 0,
    load: utilisation === undefined ? null : { utilisation, refusedShare, queueMs },
    overloadedSince: isoTime(overloadSinceMs),
  };
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
