import type { Clock } from '../shared/runtime/clock.ts';

/** Does something again and again. @returns what stops it */
export function every(clock: Clock, intervalMs: number, action: () => void): () => void {
  let cancel = clock.after(intervalMs, tick);
  function tick(): void {
    cancel = clock.after(intervalMs, tick);
    action();
  }
  return () => cancel();
}

/** Waits for something, but no longer than this. */
export async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(limitMs, resolve);
    work.then(() => resolve(), reject).finally(cancel);
  });
}
