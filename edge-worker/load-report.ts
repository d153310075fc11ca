import type { Load } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { median } from '../shared/runtime/statistics.ts';
import type { Counters } from './counters.ts';
import type { Dispatcher } from './dispatcher.ts';

export interface LoadReportOptions {
  boot: number;
  threads: number;
  counters: Readonly<Counters>;
  dispatcher: Pick<Dispatcher<never>, 'queued' | 'busyMs'>;
  clock: Clock;
}

/** How busy the worker is: counts since its start, utilisation and waits since the last report was taken. */
export interface LoadReport {
  /** A request has waited this long for its turn. */
  recordWait(ms: number): void;
  take(): Load;
}

/** Waits kept a report: more would not move the median. */
const maxWaits = 4096;

export function createLoadReport({ boot, threads, counters, dispatcher, clock }: LoadReportOptions): LoadReport {
  let waits: number[] = [];
  let lastMs = clock.nowMs();
  let lastBusyMs = dispatcher.busyMs();
  return {
    recordWait(ms) {
      if (waits.length < maxWaits) waits.push(ms);
    },
    take() {
      const nowMs = clock.nowMs();
      const busyMs = dispatcher.busyMs();
      const utilisation = (busyMs - lastBusyMs) / Math.max(1, (nowMs - lastMs) * threads);
      const queueMs = median(waits);
      waits = [];
      lastMs = nowMs;
      lastBusyMs = busyMs;
      return {
        schema: 1,
        boot,
        threads,
        queued: dispatcher.queued,
        utilisation: Math.min(1, Math.max(0, utilisation)),
        completed: counters.completed,
        expired: counters.expired,
        overloaded: counters.overloaded,
        queueMs,
      };
    },
  };
}
