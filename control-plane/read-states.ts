import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BandwidthState, requireBandwidthStates } from '../shared/planner/bandwidth-states.ts';
import { statesFileParser } from '../shared/protocol/states-file.ts';
import { FleetError, messageOf } from '../shared/runtime/errors.ts';

/** Of the 428 Oboe traces; the file says how it was made. */
const shippedFile = fileURLToPath(new URL('../../control-plane/default-states.json', import.meta.url));

/**
 * Reads the bandwidth states that maps are built for.
 * @param file as `edgent states build` writes them; undefined: those that come with the project
 * @throws {FleetError} `config-invalid`, `bandwidth-states-invalid`
 */
export async function readStates(file: string = shippedFile): Promise<BandwidthState[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new FleetError('config-invalid', `statesFile: ${messageOf(cause)}`, { cause });
  }
  const { states } = statesFileParser.parseJson(text);
  requireBandwidthStates(states);
  return states;
}
