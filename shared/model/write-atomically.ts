import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FleetError, messageOf } from '../runtime/errors.ts';

/**
 * Writes a file, and its folder if need be, so that readers see the old one or the whole new one; a failed write leaves
 * nothing behind.
 * @throws {FleetError} `file-unwritable`
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(draft, content);
    await rename(draft, path);
  } catch (error) {
    // Where the folder is none, there is no draft to remove, and that is no news.
    await rm(draft, { force: true }).catch(() => undefined);
    throw unwritable(path, error);
  }
}

/** Removes a file if it is there. @throws {FleetError} `file-unwritable` */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): FleetError {
  return new FleetError('file-unwritable', `${path}: ${messageOf(cause)}`, { cause });
}
