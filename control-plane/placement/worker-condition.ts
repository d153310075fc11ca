import type { Load } from '../../shared/protocol/messages.ts';
import { newWorkerCondition, type WorkerCondition } from '../store/worker-conditions.ts';
import type { PlacementSettings } from './settings.ts';

/** In how long a report comes to count a third of what it did, ms: single seconds are noise. */
const smoothingMs = 5000;
/** A worker reports every second: what is older than this says nothing of now. */
export const reportStaysMs = 10_000;
/** Overload ends only this far below where it begins, so that what hovers there does not come and go. */
export const calmShare = 0.8;
/** Below this share of the utilisation that is overload, queues and late requests are the doing of links and bursts. */
const busyShare = 0.5;

/**
 * How long something is ago on the wall clock, ms.
 * @returns infinity for never, and for what a clock that was set back since has put in the future: nothing may wait for
 *   that
 */
export function msSince(thenMs: number | null, nowMs: number): number {
  return thenMs === null || thenMs > nowMs ? Number.POSITIVE_INFINITY : nowMs - thenMs;
}

/** The part of a report that counts since the worker's start. */
type Counted = Pick<Load, 'boot' | 'completed' | 'expired' | 'overloaded'>;

/** @returns what a worker's condition is after one more report; @param previous the report before it */
export function stepCondition(options: {
  before: WorkerCondition;
  previous: Counted | null;
  load: Load;
  nowMs: number;
  settings: PlacementSettings;
}): WorkerCondition {
  const { before, previous, load, nowMs, settings } = options;
  const newest = { utilisation: load.utilisation, refusedShare: refusedShare(previous, load), queueMs: load.queueMs };
  const weight = 1 - Math.exp(-msSince(before.reportedMs, nowMs) / smoothingMs);
  const blend = (key: keyof typeof newest): number => before[key] + weight * (newest[key] - before[key]);
  const smoothed = {
    utilisation: blend('utilisation'),
    refusedShare: blend('refusedShare'),
    queueMs: blend('queueMs'),
  };
  const pressure = pressureOf(smoothed, settings);
  const wasOverloaded = before.overloadSinceMs !== null;
  const isOverloaded = pressure >= 1 || (wasOverloaded && pressure >= calmShare);
  return {
    ...before,
    ...smoothed,
    reportedMs: nowMs,
    overloadSinceMs: isOverloaded ? (before.overloadSinceMs ?? nowMs) : null,
    overloadEndedMs: wasOverloaded && !isOverloaded ? nowMs : before.overloadEndedMs,
  };
}

/** @returns how near a worker is to overload, which begins at 1 */
function pressureOf(
  { utilisation, refusedShare, queueMs }: Pick<WorkerCondition, 'utilisation' | 'refusedShare' | 'queueMs'>,
  { overloadUtilisation, overloadQueueMs, overloadRefusedShare }: PlacementSettings,
): number {
  const busy = utilisation / overloadUtilisation;
  return busy < busyShare ? busy : Math.max(busy, queueMs / overloadQueueMs, refusedShare / overloadRefusedShare);
}

function refusedShare(previous: Counted | null, load: Load): number {
  const from = previous?.boot === load.boot ? previous : { completed: 0, expired: 0, overloaded: 0 };
  const refused = Math.max(0, load.expired + load.overloaded - from.expired - from.overloaded);
  const completed = Math.max(0, load.completed - from.completed);
  return refused + completed === 0 ? 0 : refused / (refused + completed);
}

/** @returns the condition with whether the worker may have devices; what it was like before it went counts no longer */
export function withAvailability(before: WorkerCondition, isAvailable: boolean, nowMs: number): WorkerCondition {
  if (isAvailable === (before.availableSinceMs !== null)) return before;
  const { movedMs, overloadEndedMs, overloadSinceMs } = before;
  const endedMs = overloadSinceMs === null ? overloadEndedMs : nowMs;
  return {
    ...newWorkerCondition,
    availableSinceMs: isAvailable ? nowMs : null,
    overloadEndedMs: endedMs,
    movedMs,
  };
}
