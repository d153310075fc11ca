import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Ends what a test file started, the newest first, also when a test or the start itself failed. */
export interface Cleanup {
  /** @param close called once, after the last test of the file or when `now` is called */
  add(close: () => Promise<unknown>): void;
  now(): Promise<void>;
}

/** @returns a cleanup that runs after the last test of the enclosing file or describe */
export function cleanupAfterAll(): Cleanup {
  const closers: (() => Promise<unknown>)[] = [];
  async function now(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'cleaning up failed');
  }
  afterAll(now);
  return { add: (close) => void closers.push(close), now };
}

/** @returns a new folder, removed by the cleanup */
export async function temporaryFolder(cleanup: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-e2e-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
