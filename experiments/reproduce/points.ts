import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { CodeSchema } from './code-version.ts';
import type { PointInputs } from './experiment.ts';

/** A measured value, when it was measured, ISO 8601, and by which code; absent: not recorded. */
export interface MeasuredPoint<T> {
  value: T;
  measuredAt: string;
  code?: string | null;
}

/** Points that were measured, each a file: an interrupted run goes on where it was. */
export interface PointStore {
  /** @returns what is kept for these inputs, else what `measure` gives, kept from now on */
  take<S extends TSchema>(
    inputs: PointInputs,
    schema: S,
    measure: () => Promise<Static<S>>,
  ): Promise<MeasuredPoint<Static<S>>>;
}

export interface PointStoreOptions {
  folder: string;
  /** Of the machine: another one measures everything anew. */
  hardwareClass: string;
  /** Points measured before are not taken. */
  fresh: boolean;
  /** That measures, as `readCode` gives it. */
  code: string | null;
  clock: Clock;
}

export function createPointStore({ folder, hardwareClass, fresh, code, clock }: PointStoreOptions): PointStore {
  const since = fresh ? clock.wallTime().toISOString() : '';
  return {
    async take(inputs, schema, measure) {
      const path = join(folder, `${digestOf({ ...inputs, hardwareClass })}.json`);
      const kept = await readPoint(path, schema);
      if (kept !== undefined && kept.measuredAt >= since) return kept;
      const value = await measure();
      const point = { value, measuredAt: clock.wallTime().toISOString(), code };
      await writeAtomically(path, `${JSON.stringify({ schema: 1, inputs, ...point })}\n`);
      return point;
    },
  };
}

function digestOf(inputs: PointInputs): string {
  const entries = Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 32);
}

/** @returns undefined where there is none, or one that an earlier release wrote differently */
async function readPoint<S extends TSchema>(path: string, schema: S): Promise<MeasuredPoint<Static<S>> | undefined> {
  const text = await readFile(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const point = Type.Object({
    schema: Type.Literal(1),
    measuredAt: Type.String(),
    code: Type.Optional(CodeSchema),
    value: Type.Unknown(),
  });
  try {
    const { value, measuredAt, code } = createParser(point, 'experiment-data-invalid', path).parseJson(text);
    const parsed = createParser(schema, 'experiment-data-invalid', path).parse(value);
    return { value: parsed, measuredAt, ...(code === undefined ? {} : { code }) };
  } catch (error) {
    if (isFleetError(error, 'experiment-data-invalid')) return undefined;
    throw error;
  }
}
