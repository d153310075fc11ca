import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { createParser } from '../shared/runtime/schema.ts';

const parser = createParser(Type.Object({ version: Type.String() }), 'config-invalid', 'package.json');

/** @returns the version of this release, as package.json has it */
export function readVersion(): string {
  return parser.parseJson(readFileSync(new URL('../../package.json', import.meta.url))).version;
}
