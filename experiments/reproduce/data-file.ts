import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { CodeSchema } from './code-version.ts';

/** What an experiment leaves in the report's folder, as JSON: all that its chapter is made from. */
const DataFileSchema = Type.Object({
  schema: Type.Literal(1),
  experiment: Type.String(),
  scale: Type.Union([Type.Literal('full'), Type.Literal('quick')]),
  /** When the last of its points was measured, ISO 8601. */
  measuredAt: Type.String(),
  /** That ran the experiment. Absent: written before it was recorded. */
  code: Type.Optional(CodeSchema),
  /** Points that were taken over from runs of other code, and which (absent: not recorded). */
  takenOver: Type.Optional(Type.Array(Type.Object({ code: Type.Optional(CodeSchema), points: Type.Integer() }))),
  machine: Type.Object({
    hardwareClass: Type.String(),
    cores: Type.Integer(),
    memoryGiB: Type.Number(),
    node: Type.String(),
  }),
  data: Type.Unknown(),
});
export type DataFile = Static<typeof DataFileSchema>;

const parser = createParser(DataFileSchema, 'experiment-data-invalid', 'data file');

export async function writeDataFile(folder: string, file: DataFile): Promise<void> {
  await writeAtomically(join(folder, `${file.experiment}.json`), `${JSON.stringify(file, null, 1)}\n`);
}

/** @returns undefined where that experiment has left none @throws {FleetError} `experiment-data-invalid` */
export async function readDataFile(folder: string, experiment: string): Promise<DataFile | undefined> {
  const text = await readFile(join(folder, `${experiment}.json`)).catch(() => undefined);
  return text === undefined ? undefined : parser.parseJson(text);
}
