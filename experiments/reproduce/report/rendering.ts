import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { writeAtomically } from '../../../shared/model/write-atomically.ts';
import { createParser } from '../../../shared/runtime/schema.ts';
import { CodeSchema } from '../code-version.ts';

/** Kept beside the report, which names the code: the report can be compared with its data by any later code. */
const fileName = 'rendering.json';
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const RenderingSchema = Type.Object({
  schema: Type.Literal(1),
  /** That rendered the report. */
  code: CodeSchema,
  /** Of each picture that was drawn as PNG too: what it was drawn from, and what came out. Absent: not recorded. */
  pngs: Type.Optional(Type.Record(Type.String(), Type.Object({ svg: Sha256, png: Sha256 }))),
});
export type Rendering = Static<typeof RenderingSchema>;

const parser = createParser(RenderingSchema, 'experiment-data-invalid', fileName);

/** @param rendering its code as `readCode` gives it */
export async function writeRendering(folder: string, rendering: Omit<Rendering, 'schema'>): Promise<void> {
  await writeAtomically(join(folder, fileName), `${JSON.stringify({ schema: 1, ...rendering })}\n`);
}

/** @returns how the folder's report was rendered; undefined: not recorded @throws {FleetError} `experiment-data-invalid` */
export async function readRendering(folder: string): Promise<Rendering | undefined> {
  const text = await readFile(join(folder, fileName), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parser.parseJson(text);
}
