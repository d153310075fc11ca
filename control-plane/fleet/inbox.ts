import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';

const batchSize = 100;
const batchDelayMs = 100;
const retryDelayMs = 1000;
const maxWaiting = 20_000;

/**
 * Gathers what arrives, so that many messages cost one transaction: with synchronous=FULL each transaction waits for
 * the disk.
 * INVARIANTS: items are handled in the order in which they came; an urgent one is handled in the next turn of the
 * event loop, others within 100 ms or once 100 wait; what waits is bounded, and a batch that the store refuses is
 * tried again.
 */
export interface Inbox<T> {
  push(item: T, urgent: boolean): void;
  /** Handles all that waits, now. */
  flush(): void;
  /** Items that found no room. */
  dropped(): number;
  close(): void;
}

export function createInbox<T>(options: {
  clock: Clock;
  /** Handles a batch within one transaction; what it throws brings the whole batch back. */
  handle: (batch: readonly T[]) => void;
  log: Log;
}): Inbox<T> {
  const { clock, handle, log } = options;
  const waiting: T[] = [];
  let dropped = 0;
  let timer: { urgent: boolean; cancel: () => void } | undefined;

  function schedule(delayMs: number, urgent: boolean): void {
    timer?.cancel();
    timer = { urgent, cancel: clock.after(delayMs, flush) };
  }
  function flush(): void {
    timer?.cancel();
    timer = undefined;
    while (waiting.length > 0) {
      try {
        handle(waiting.slice(0, batchSize));
        waiting.splice(0, batchSize);
      } catch (error) {
        log.error({ waiting: waiting.length, reason: messageOf(error) }, 'the store refused a batch; trying again');
        schedule(retryDelayMs, true);
        return;
      }
    }
  }
  return {
    push(item, urgent) {
      if (waiting.length >= maxWaiting) {
        dropped += 1;
        return;
      }
      waiting.push(item);
      if (timer === undefined || (urgent && !timer.urgent)) schedule(urgent ? 0 : batchDelayMs, urgent);
      if (waiting.length >= batchSize && !timer?.urgent) flush();
    },
    flush,
    dropped: () => dropped,
    close() {
      flush();
      timer?.cancel();
    },
  };
}
