import type { Clock } from './clock.ts';

/** @returns what does the action at once, and after that at most once an interval; what comes in between is left out */
export function atMostEvery<T>(intervalMs: number, clock: Clock, action: (value: T) => void): (value: T) => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  return (value) => {
    const nowMs = clock.nowMs();
    if (nowMs < nextMs) return;
    nextMs = nowMs + intervalMs;
    action(value);
  };
}
