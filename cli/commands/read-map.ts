import { checkMap } from '../../shared/planner/check-map.ts';
import { type ConfigurationMap, configurationMapParser } from '../../shared/protocol/configuration-map.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { readInput } from './read-input.ts';

/**
 * Reads a configuration map that the command line names.
 * @throws {FleetError} as `readInput` and `checkMap`, with the file's name
 */
export async function readMap(file: string): Promise<ConfigurationMap> {
  const map = await readInput(file, configurationMapParser);
  try {
    checkMap(map);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    throw new FleetError(error.code, `${file}: ${error.message}`, { cause: error });
  }
  return map;
}
