import type { Clock } from '../shared/runtime/clock.ts';
import { decideAdmission, placeOf, type Verdict } from './admission.ts';
import { chooseBatch } from './batch-choice.ts';
import { type AnyJob, costOf, type Job, runTogether, workMaker } from './jobs.ts';
import type { HandOver } from './lane.ts';
import { createLanes } from './lanes.ts';

/**
 * Earliest deadline first onto the inference threads, in batches of what waits where they pay and make nothing late.
 * A batch never waits for company.
 * INVARIANT: what was taken is run or told that it expired, exactly once.
 */
export interface Dispatcher<Piece> {
  /** Admits work or says why not. */
  offer(job: AnyJob<Piece>): Verdict;
  /** Takes work that nobody waits for with a deadline of its own. */
  enqueue(job: Job): void;
  /** What waits. */
  readonly queued: number;
  /** Milliseconds that all threads together were busy since the dispatcher was made. */
  busyMs(): number;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

export interface DispatcherOptions {
  threads: number;
  /** Jobs that may wait. */
  maxQueued: number;
  handOver: HandOver;
  clock: Clock;
}

export function createDispatcher<Piece>(options: DispatcherOptions): Dispatcher<Piece> {
  const { threads, maxQueued, handOver, clock } = options;
  const lanes = createLanes(threads, handOver);
  const waiting: AnyJob<Piece>[] = [];
  const isIdle = (): boolean => waiting.length === 0 && lanes.isIdle();
  const idleListeners: (() => void)[] = [];
  let cancelPump = (): void => {};

  function pump(): void {
    cancelPump();
    while (startNext());
    const opensInMs = waiting.length === 0 ? undefined : lanes.opensInMs(clock.nowMs());
    // A thread is given its next work before it is done with the last, and nobody says when that is.
    if (opensInMs !== undefined) cancelPump = clock.after(opensInMs, pump);
    if (isIdle()) for (const listener of idleListeners.splice(0)) listener();
  }

  /** @returns whether there was something to start, or to tell that it has expired */
  function startNext(): boolean {
    const nowMs = clock.nowMs();
    const place = waiting.findIndex((waits) => lanes.openFor(waits, nowMs) !== undefined);
    const job = waiting[place];
    const thread = job === undefined ? undefined : lanes.openFor(job, nowMs);
    if (job === undefined || thread === undefined) return false;
    const startMs = lanes.lane(thread)?.freeAtMs(nowMs) ?? nowMs;
    if (startMs + costOf(job, 1, thread) > job.deadlineMs && job.expire !== undefined) {
      waiting.splice(place, 1);
      job.expire();
    } else start(job, thread);
    return true;
  }

  function start(job: AnyJob<Piece>, thread: number): void {
    const nowMs = clock.nowMs();
    const { batch, isCrowded } = chooseBatch(job, { waiting, thread, nowMs, freeAtMs: lanes.freeAtMs(nowMs) });
    for (const member of batch) waiting.splice(waiting.indexOf(member), 1);
    const lane = lanes.lane(thread);
    lane?.begin(nowMs, costOf(job, batch.length, thread));
    void runTogether(batch, thread).finally(() => {
      lane?.end(clock.nowMs());
      pump();
    });
    if (isCrowded && 'kind' in job) job.kind.crowded(thread);
  }

  function enqueue(job: AnyJob<Piece>): void {
    waiting.splice(placeOf(job, waiting), 0, job);
    pump();
  }

  return {
    offer(job) {
      const nowMs = clock.nowMs();
      const toWork = workMaker<Piece>();
      const input = { nowMs, waiting: waiting.map(toWork), freeAtMs: lanes.freeAtMs(nowMs) };
      const verdict = decideAdmission(toWork(job), input);
      if (verdict === 'admitted' && waiting.length >= maxQueued) return 'overloaded';
      if (verdict === 'admitted') enqueue(job);
      return verdict;
    },
    enqueue,
    get queued() {
      return waiting.length;
    },
    busyMs: () => lanes.busyMs(clock.nowMs()),
    idle: () => (isIdle() ? Promise.resolve() : new Promise((resolve) => idleListeners.push(resolve))),
  };
}
