import { readFile } from 'node:fs/promises';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';
import type { Parser } from '../../shared/runtime/schema.ts';

/**
 * Reads a JSON file that the command line names.
 * @throws {FleetError} `not-found`; `file-invalid` with the file's name, its field and what is expected there
 */
export async function readInput<T>(file: string, parser: Parser<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new FleetError('not-found', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  try {
    return parser.parseJson(text);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    throw new FleetError('file-invalid', `${file}: ${error.message}`, { cause: error });
  }
}
