import type { Clock } from '../shared/runtime/clock.ts';
import { decideAdmission, placeOf, type Verdict } from './admission.ts';

/** A piece of work for one of the inference threads, which are numbered from 0. */
export interface Job {
  deadlineMs: number;
  /** What it is expected to take: on one thread or, without one, on the best. */
  costMs(thread?: number): number;
  /** The only thread that may run it. */
  pinned?: number;
  /** Never rejects. */
  run(thread: number): Promise<void>;
  /** Told instead of being run when its turn comes too late; without it, it is run however late. */
  expire?(): void;
}

/**
 * Earliest deadline first onto the inference threads.
 * INVARIANT: one job a thread; a job that was taken is run or told that it expired, exactly once.
 */
export interface Dispatcher {
  /** Admits a job or says why not. */
  offer(job: Job): Verdict;
  /** Takes work that nobody waits for with a deadline of its own. */
  enqueue(job: Job): void;
  /** Jobs that wait. */
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
  clock: Clock;
}

interface Lane {
  busy: boolean;
  startedMs: number;
  /** When its job should be done. */
  freeAtMs: number;
}

export function createDispatcher({ threads, maxQueued, clock }: DispatcherOptions): Dispatcher {
  const lanes: Lane[] = Array.from({ length: threads }, () => ({ busy: false, startedMs: 0, freeAtMs: 0 }));
  const waiting: Job[] = [];
  let idleListeners: (() => void)[] = [];
  let finishedMs = 0;

  function pump(): void {
    while (waiting.length > 0 && lanes.some((lane) => !lane.busy)) {
      const place = waiting.findIndex((job) => freeLane(job) !== undefined);
      const [job] = place < 0 ? [] : waiting.splice(place, 1);
      const thread = job === undefined ? undefined : freeLane(job);
      if (job === undefined || thread === undefined) return;
      const late = clock.nowMs() + job.costMs(thread) > job.deadlineMs;
      if (late && job.expire !== undefined) job.expire();
      else start(job, thread);
    }
    if (waiting.length > 0 || lanes.some((lane) => lane.busy)) return;
    const listeners = idleListeners;
    idleListeners = [];
    for (const listener of listeners) listener();
  }

  /** The free thread on which the job costs least. */
  function freeLane(job: Job): number | undefined {
    let best: number | undefined;
    for (const [thread, lane] of lanes.entries()) {
      if (lane.busy || (job.pinned !== undefined && job.pinned !== thread)) continue;
      if (best === undefined || job.costMs(thread) < job.costMs(best)) best = thread;
    }
    return best;
  }

  function start(job: Job, thread: number): void {
    const lane = lanes[thread];
    if (lane === undefined) return;
    lane.busy = true;
    lane.startedMs = clock.nowMs();
    lane.freeAtMs = lane.startedMs + job.costMs(thread);
    void job.run(thread).finally(() => {
      lane.busy = false;
      finishedMs += clock.nowMs() - lane.startedMs;
      pump();
    });
  }

  function enqueue(job: Job): void {
    waiting.splice(placeOf(job, waiting), 0, job);
    pump();
  }

  return {
    offer(job) {
      const nowMs = clock.nowMs();
      const asWork = (each: Job) => ({
        deadlineMs: each.deadlineMs,
        costMs: each.costMs(),
        mayBeLate: each.expire === undefined,
      });
      const freeAtMs = lanes.map((lane) => (lane.busy ? lane.freeAtMs : nowMs));
      const verdict = decideAdmission(asWork(job), { nowMs, waiting: waiting.map(asWork), freeAtMs });
      if (verdict === 'admitted' && waiting.length >= maxQueued) return 'overloaded';
      if (verdict === 'admitted') enqueue(job);
      return verdict;
    },
    enqueue,
    get queued() {
      return waiting.length;
    },
    busyMs() {
      const nowMs = clock.nowMs();
      return finishedMs + lanes.reduce((sum, lane) => sum + (lane.busy ? nowMs - lane.startedMs : 0), 0);
    },
    idle() {
      if (waiting.length === 0 && !lanes.some((lane) => lane.busy)) return Promise.resolve();
      return new Promise((resolve) => idleListeners.push(resolve));
    },
  };
}
