import { type Static, Type } from 'typebox';

const Share = { minimum: 0, maximum: 1 };
const upToADay = { minimum: 0, maximum: 86_400_000 };

/** When a worker counts as overloaded, and how slowly devices are moved for it; settings of the control plane. */
export const PlacementSettingsSchema = Type.Object({
  placementIntervalMs: Type.Number({
    default: 10_000,
    ...upToADay,
    minimum: 100,
    description: 'Least time between two moves of devices from, or to, one worker that serves, ms.',
  }),
  placementMoveShare: Type.Number({
    default: 0.1,
    ...Share,
    exclusiveMinimum: 0,
    description: 'Share of the devices of a worker that serves (at least one) that may leave or join it an interval.',
  }),
  placementTolerance: Type.Number({
    default: 0.2,
    ...Share,
    description: 'How far below its share of the devices a worker may be before it is given some of other workers.',
  }),
  placementRestMs: Type.Number({
    default: 60_000,
    ...upToADay,
    description: 'How long a device stays at a worker that serves before it may be moved again, ms.',
  }),
  placementSettleMs: Type.Number({
    default: 30_000,
    ...upToADay,
    description: 'How long a worker must be there before devices of other workers are moved to it, ms.',
  }),
  overloadUtilisation: Type.Number({
    default: 0.9,
    ...Share,
    exclusiveMinimum: 0,
    description: 'Share of the time that its threads compute from which a worker is overloaded.',
  }),
  overloadQueueMs: Type.Number({
    default: 50,
    exclusiveMinimum: 0,
    description: 'Median wait in its queue from which a worker that is half as busy as that is overloaded, ms.',
  }),
  overloadRefusedShare: Type.Number({
    default: 0.05,
    ...Share,
    exclusiveMinimum: 0,
    description: 'Share of requests refused, or late in the queue, from which such a worker is overloaded.',
  }),
  overloadPersistMs: Type.Number({
    default: 15_000,
    ...upToADay,
    description: 'How long overload must last before a device is moved for it, ms.',
  }),
  overloadMemoryMs: Type.Number({
    default: 600_000,
    ...upToADay,
    description: 'How long a worker that was overloaded is given no devices of other workers, ms.',
  }),
  configurationsPerSecond: Type.Number({
    default: 200,
    minimum: 1,
    maximum: 100_000,
    description: 'Configurations that are pushed in a second, to the whole fleet.',
  }),
});

export type PlacementSettings = Static<typeof PlacementSettingsSchema>;
