import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readPackage } from '../../shared/model/model-package.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError, isFleetError, messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { ModelFiles } from '../store/model-files.ts';
import type { ModelStore } from '../store/models.ts';

/**
 * Imports each package of a folder, by name of its folder; a bad one is left out and logged.
 * @returns how many were imported
 * @throws {FleetError} `config-invalid` where the folder cannot be read
 */
export async function importModels(options: {
  folder: string;
  models: ModelStore;
  files: ModelFiles;
  clock: Clock;
  log: Log;
}): Promise<number> {
  const { folder, models, files, clock, log } = options;
  let imported = 0;
  for (const name of await packageFolders(folder)) {
    try {
      const { manifest, bytes } = await readPackage(join(folder, name));
      // The file comes first: a row never names a file that is not there.
      await files.put(manifest.digest, bytes);
      const text = JSON.stringify(manifest);
      const { digest, version } = manifest;
      models.put({ digest, name: manifest.name, version, bytes: bytes.length, manifest: text }, isoTime(clock));
      imported += 1;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      log.error({ package: name, code: error.code, reason: error.message }, 'model package not imported');
    }
  }
  return imported;
}

async function packageFolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    throw new FleetError('config-invalid', `modelsFolder: ${messageOf(cause)}`, { cause });
  }
}

function isoTime(clock: Clock): string {
  return clock.wallTime().toISOString();
}
