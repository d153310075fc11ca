import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';

/** Why a connection, a packet or a filter was refused or a connection was cut. */
export const refusalReasons = [
  'connection-limit',
  'connect-timeout',
  'packet-too-large',
  'packet-malformed',
  'packet-unexpected',
  'web-socket-message',
  'origin',
  'protocol-version',
  'credentials',
  'client-id',
  'client-id-taken',
  'persistent-session',
  'session-limit',
  'keepalive-invalid',
  'will-denied',
  'publish-denied',
  'retain-denied',
  'retained-too-large',
  'subscribe-denied',
  'filter-limit',
  'forward-denied',
  'keepalive-missed',
  'stalled',
  'backlog',
  'hook-failed',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Counts refusals by reason, and logs each reason at most once a second: a flood of them must not become a flood of lines. */
export interface Refusals {
  count(reason: RefusalReason, detail?: Record<string, unknown>): void;
  counts(): Record<RefusalReason, number>;
}

const logEveryMs = 1000;

export function createRefusals({ log, clock }: { log: Log; clock: Clock }): Refusals {
  const counts = new Map<RefusalReason, number>();
  const loggedAtMs = new Map<RefusalReason, number>();
  return {
    count(reason, detail) {
      const total = (counts.get(reason) ?? 0) + 1;
      counts.set(reason, total);
      const nowMs = clock.nowMs();
      if (nowMs - (loggedAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) < logEveryMs) return;
      loggedAtMs.set(reason, nowMs);
      log.warn({ reason, total, ...detail }, 'refused');
    },
    counts() {
      const zeros = Object.fromEntries(refusalReasons.map((reason) => [reason, 0]));
      return Object.assign(zeros, Object.fromEntries(counts)) as Record<RefusalReason, number>;
    },
  };
}
