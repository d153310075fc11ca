import type { Clock } from '../shared/runtime/clock.ts';

/** Waits for work that may never end, for so long at most. */
export function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, resolve);
    work.finally(cancel).then(() => resolve(), reject);
  });
}
