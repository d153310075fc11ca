import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { FleetError } from '../shared/runtime/errors.ts';

/** Where the public data sets lie unless somebody says otherwise: beside the checkout. */
const defaultDataFolder = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** @returns the option `--data`, which `EDGENT_DATA` sets too */
export function dataOption(): Option {
  return new Option('--data <folder>', 'where data files are looked for that are not found as they are named')
    .env('EDGENT_DATA')
    .default(defaultDataFolder, '../shared/data');
}

/**
 * @param option the option that named the file, for the message
 * @returns the path as it is named if there is such a file, else the one in the data folder
 * @throws {FleetError} `data-missing`
 */
export function findData(option: string, path: string, dataFolder: string): string {
  const candidates = isAbsolute(path) ? [path] : [resolve(path), join(resolve(dataFolder), path)];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined)
    throw new FleetError('data-missing', `${option}: there is no ${candidates.join(' and no ')}`);
  return found;
}
