import type { Clock } from '../../shared/runtime/clock.ts';

/**
 * Finds out who is gone for good. A broker that was started anew retains nothing, not even the wills of those that
 * died with it: whoever was online and does not speak up in time after a connect is taken to be offline.
 */
export interface PresenceSweep {
  /** A message of this member came. */
  heard(memberId: string): void;
  /** The broker is there (again). */
  connected(): void;
  disconnected(): void;
  close(): void;
}

/** Clients come back within 2 s (their longest wait between two attempts); thin links need some more. */
const graceMs = 10_000;

export function createPresenceSweep(options: {
  clock: Clock;
  onlineIds: () => string[];
  /** Called with those that were not heard. */
  onSilent: (memberIds: string[]) => void;
}): PresenceSweep {
  const { clock, onlineIds, onSilent } = options;
  const heard = new Set<string>();
  let cancel: (() => void) | undefined;
  function stop(): void {
    cancel?.();
    cancel = undefined;
    heard.clear();
  }
  return {
    heard(memberId) {
      if (cancel !== undefined) heard.add(memberId);
    },
    connected() {
      stop();
      cancel = clock.after(graceMs, () => {
        const silent = onlineIds().filter((id) => !heard.has(id));
        stop();
        if (silent.length > 0) onSilent(silent);
      });
    },
    disconnected: stop,
    close: stop,
  };
}
