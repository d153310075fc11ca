import { setTimeout as sleep } from 'node:timers/promises';

/** A timer may fire this much late: the rest is spun away. */
const spinMs = 1.5;

/** Waits until `performance.now()` reaches a time, to a few microseconds, leaving the event loop alive for most of it. */
export async function waitUntil(targetMs: number): Promise<void> {
  const sleepMs = Math.floor(targetMs - performance.now() - spinMs);
  if (sleepMs >= 1) await sleep(sleepMs);
  while (performance.now() < targetMs);
}
