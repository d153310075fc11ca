import type { LatencyTable } from '../../shared/protocol/profile.ts';
import type { ClassState } from '../fleet/classes.ts';
import { tableOf } from '../fleet/latency-tables.ts';
import type { Store } from '../store/store.ts';

/** How fast the worker classes run the model in force, kept so that a table is read once and not on each change. */
export interface WorkerSpeeds {
  /** Reads what is new. @param classes by hardware class @throws {FleetError} `store-damaged` */
  learn(classes: ReadonlyMap<string, ClassState>, modelDigest: string): void;
  /** @returns frames a second that one thread of this class runs to the deepest exit; undefined: it has no table */
  perThread(hardwareClass: string): number | undefined;
  /** @returns what a class without a table is taken for: the mean of the others, or 1 where there is none */
  assumed(): number;
}

export function createWorkerSpeeds(store: Pick<Store, 'predictions' | 'profiles'>): WorkerSpeeds {
  let known = new Map<string, { table: string; perThread: number }>();
  return {
    learn(classes, modelDigest) {
      const learnt = [...classes].flatMap(
        ([hardwareClass, { table }]): [string, { table: string; perThread: number }][] => {
          if (table === undefined) return [];
          const before = known.get(hardwareClass);
          if (before?.table === table) return [[hardwareClass, before]];
          const perThread = speedOf(tableOf(store, { tier: 'worker', hardwareClass, modelDigest }));
          return perThread === undefined ? [] : [[hardwareClass, { table, perThread }]];
        },
      );
      known = new Map(learnt);
    },
    perThread: (hardwareClass) => known.get(hardwareClass)?.perThread,
    assumed() {
      const speeds = [...known.values()].map(({ perThread }) => perThread);
      return speeds.length === 0 ? 1 : speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
    },
  };
}

/** Of the whole network to its deepest exit: what a worker has to do for a device that sends its input. */
function speedOf(table: LatencyTable | undefined): number | undefined {
  const wholeMs = table?.exits.at(-1)?.tail[0]?.medianMs;
  return wholeMs === undefined ? undefined : 1000 / Math.max(leastMs, wholeMs);
}

/** A table may say 0 of what is too short to be timed. */
const leastMs = 0.001;
