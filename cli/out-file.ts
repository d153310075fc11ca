import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FleetError, messageOf } from '../shared/runtime/errors.ts';

/**
 * Looks, before anything is computed, at where a file that `--out` names is to lie. Its folder must be there: a
 * mistyped path is not to become a new one.
 * @param path as it was named; undefined: nothing is written
 * @throws {FleetError} `file-unwritable`
 */
export async function requirePlaceFor(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const folder = dirname(path);
  if ((await statOf(folder))?.isDirectory() !== true) {
    throw new FleetError('file-unwritable', `${path}: there is no folder ${folder}`);
  }
  if ((await statOf(path))?.isDirectory()) throw new FleetError('file-unwritable', `${path}: a folder is there`);
}

/** @returns undefined where nothing is there */
async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FleetError('file-unwritable', `${path}: ${messageOf(cause)}`, { cause });
  }
}
