import { type AnyJob, costOf, mayRunOn } from './jobs.ts';
import { createLane, type HandOver, type Lane } from './lane.ts';

/** The inference threads as the dispatcher sees them, numbered from 0. */
export interface Lanes {
  lane(thread: number): Lane | undefined;
  /** @returns of the threads that may be given this job now the one on which it should end first */
  openFor<Piece>(job: AnyJob<Piece>, nowMs: number): number | undefined;
  /** @returns when each should be done with what it was given */
  freeAtMs(nowMs: number): number[];
  /** @returns how long it is until one opens by itself, ms; undefined where only the end of a run can tell */
  opensInMs(nowMs: number): number | undefined;
  isIdle(): boolean;
  /** Of all together. */
  busyMs(nowMs: number): number;
}

export function createLanes(count: number, handOver: HandOver): Lanes {
  const lanes = Array.from({ length: count }, () => createLane(handOver));
  return {
    lane: (thread) => lanes[thread],
    openFor(job, nowMs) {
      let best: number | undefined;
      let bestEndMs = Number.POSITIVE_INFINITY;
      for (const [thread, lane] of lanes.entries()) {
        if (!lane.isOpen(nowMs) || !mayRunOn(job, thread)) continue;
        const endMs = lane.freeAtMs(nowMs) + costOf(job, 1, thread);
        if (best !== undefined && endMs >= bestEndMs) continue;
        best = thread;
        bestEndMs = endMs;
      }
      return best;
    },
    freeAtMs: (nowMs) => lanes.map((lane) => lane.freeAtMs(nowMs)),
    opensInMs(nowMs) {
      const delays = lanes.flatMap((lane) => lane.opensAtMs() ?? []).map((atMs) => atMs - nowMs);
      const nextMs = Math.min(...delays.filter((delayMs) => delayMs > 0));
      return Number.isFinite(nextMs) ? nextMs : undefined;
    },
    isIdle: () => lanes.every((lane) => lane.isIdle()),
    busyMs: (nowMs) => lanes.reduce((sum, lane) => sum + lane.busyMs(nowMs), 0),
  };
}
