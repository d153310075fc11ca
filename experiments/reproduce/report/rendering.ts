import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { writeAtomically } from '../../../shared/model/write-atomically.ts';
import { createParser } from '../../../shared/runtime/schema.ts';
import { CodeSchema } from '../code-version.ts';

/** Kept beside the report, which names it: the report can be compared with its data by any later code. */
const fileName = 'rendering.json';
const RenderingSchema = Type.Object({ schema: Type.Literal(1), code: CodeSchema });
const parser = createParser(RenderingSchema, 'experiment-data-invalid', fileName);

/** @param code that renders the folder's report, as `readCode` gives it */
export async function writeRendering(folder: string, code: string | null): Promise<void> {
  await writeAtomically(join(folder, fileName), `${JSON.stringify({ schema: 1, code })}\n`);
}

/** @returns the code that rendered the folder's report; undefined: not recorded @throws {FleetError} `experiment-data-invalid` */
export async function readRendering(folder: string): Promise<string | null | undefined> {
  const text = await readFile(join(folder, fileName), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parser.parseJson(text).code;
}
