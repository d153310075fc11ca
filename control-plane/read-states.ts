import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { requireBandwidthStates } from '../shared/planner/bandwidth-states.ts';
import { type StatesFile, statesFileParser } from '../shared/protocol/states-file.ts';
import { FleetError, messageOf } from '../shared/runtime/errors.ts';

/** Of the 428 Oboe traces; the file says how it was made. */
const shippedFile = fileURLToPath(new URL('../../control-plane/default-states.json', import.meta.url));

/**
 * Reads the bandwidth states that maps are built for while the operator has put no others in force.
 * @param file as `edgent states build` writes them; undefined: those that come with the project
 * @throws {FleetError} `config-invalid`, `bandwidth-states-invalid`
 */
export async function readStates(file: string = shippedFile): Promise<StatesFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new FleetError('config-invalid', `statesFile: ${messageOf(cause)}`, { cause });
  }
  const parsed = statesFileParser.parseJson(text);
  requireBandwidthStates(parsed.states);
  return parsed;
}
