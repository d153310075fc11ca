import type { WorkerRecord } from '../store/member-records.ts';
import { newWorkerCondition, type WorkerCondition } from '../store/worker-conditions.ts';
import { msSince, reportStaysMs, withAvailability } from './worker-condition.ts';
import type { WorkerSpeeds } from './worker-speeds.ts';

/** Whether a worker may have devices, and if not, why. */
export const availabilities = ['available', 'offline', 'left', 'failed'] as const;
export type Availability = (typeof availabilities)[number];

/** What placement knows of a worker. */
export interface WorkerStanding {
  id: string;
  availability: Availability;
  /** Whether its class has latencies of the model in force: without them nothing is planned for it. */
  hasTable: boolean;
  /** Frames a second that its threads together run to the deepest exit. */
  capacity: number;
  /** Share of its capacity in use, 0..1; undefined: it told nothing of late. */
  utilisation: number | undefined;
  condition: WorkerCondition;
}

/** @returns what is known of each worker, in their order */
export function workerStandings(
  workers: readonly WorkerRecord[],
  options: {
    conditions: ReadonlyMap<string, WorkerCondition>;
    speeds: Pick<WorkerSpeeds, 'perThread' | 'assumed'>;
    modelDigest: string;
    nowMs: number;
  },
): WorkerStanding[] {
  const { conditions, speeds, modelDigest, nowMs } = options;
  return workers.map((worker) => {
    const { id, hardwareClass, threads } = worker;
    const availability = availabilityOf(worker, modelDigest);
    const before = conditions.get(id) ?? newWorkerCondition;
    const condition = withAvailability(before, availability === 'available', nowMs);
    const perThread = speeds.perThread(hardwareClass);
    return {
      id,
      availability,
      hasTable: perThread !== undefined,
      capacity: threads * (perThread ?? speeds.assumed()),
      utilisation: msSince(condition.reportedMs, nowMs) <= reportStaysMs ? condition.utilisation : undefined,
      condition,
    };
  });
}

/** A worker that is loading a model, or cannot have another one than that in force, keeps its devices. */
function availabilityOf({ online, leaving, boot, reported }: WorkerRecord, modelDigest: string): Availability {
  if (!online) return leaving ? 'left' : 'offline';
  const speaksOfNow = reported !== null && reported.boot === boot;
  const cannotServe = speaksOfNow && reported.state === 'failed' && reported.modelDigest !== modelDigest;
  return cannotServe ? 'failed' : 'available';
}

/** However busy it is, a worker counts for this share of its capacity: where all are, each still has devices. */
const leastFreeShare = 0.05;

/** @returns frames a second that a worker has to spare; by these, devices that have no worker are shared out */
export function freeCapacity({ capacity, utilisation = 0 }: Pick<WorkerStanding, 'capacity' | 'utilisation'>): number {
  return capacity * Math.max(leastFreeShare, 1 - utilisation);
}
