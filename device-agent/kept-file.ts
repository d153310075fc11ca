import { writeAtomically } from '../shared/model/write-atomically.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';

/**
 * A file that follows something that changes often, without wearing out what it is stored on.
 * INVARIANTS: readers see a whole one; it is written at most once in `leastGapMs`, and as it is at the end;
 * a full disk costs a line in the log, nothing else.
 */
export interface KeptFile {
  /** The content is another one. */
  changed(): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

export interface KeptFileOptions {
  path: string;
  leastGapMs: number;
  /** Asked when it is written; undefined: there is nothing to write yet. */
  content: () => unknown;
  clock: Clock;
  log: { warn(about: object, message: string): void };
}

export function createKeptFile({ path, leastGapMs, content, clock, log }: KeptFileOptions): KeptFile {
  let isStale = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  function write(): void {
    cancel = undefined;
    isStale = false;
    lastMs = clock.nowMs();
    const value = content();
    if (value === undefined) return;
    writing = writing
      .then(() => writeAtomically(path, JSON.stringify(value)))
      .catch((error: unknown) => log.warn({ path, reason: messageOf(error) }, 'file cannot be written'));
  }

  return {
    changed() {
      isStale = true;
      cancel ??= clock.after(Math.max(0, lastMs + leastGapMs - clock.nowMs()), write);
    },
    async close() {
      cancel?.();
      if (isStale) write();
      await writing;
    },
  };
}
