import type { Static, TSchema } from 'typebox';
import { createParser } from '../../shared/runtime/schema.ts';
import type { Chapter } from './report/document.ts';
import type { Scale } from './scale.ts';
import type { Place, TestBed } from './test-bed.ts';

/** What a point depends on, besides the class of the machine: equal inputs are the same point. */
export type PointInputs = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** What an experiment is run with. */
export interface ExperimentContext {
  readonly scale: Scale;
  /** Where the public data sets lie; may not exist. */
  readonly dataFolder: string;
  /**
   * Measures a point, or gives what was measured for it before, by this experiment or another.
   * @throws {FleetError} what `measure` throws
   */
  point<S extends TSchema>(inputs: PointInputs, schema: S, measure: () => Promise<Static<S>>): Promise<Static<S>>;
  /** A platform, a device and a link between them, started when it is first wanted; the one before is stopped. */
  testBed(place: Place): Promise<TestBed>;
  progress(text: string): void;
}

/** One experiment of the paper: it makes data, and a chapter of the report from nothing but these data. */
export interface Experiment {
  readonly name: string;
  run(context: ExperimentContext): Promise<unknown>;
  /** @throws {FleetError} `experiment-data-invalid` where the data are none of this experiment */
  chapter(data: unknown): Chapter;
}

/** @param definition `schema` is of the data that `run` gives, `chapter` reads and the report's folder keeps */
export function defineExperiment<S extends TSchema>(definition: {
  name: string;
  schema: S;
  run(context: ExperimentContext): Promise<Static<S>>;
  chapter(data: Static<S>): Chapter;
}): Experiment {
  const { name, schema, run, chapter } = definition;
  const parser = createParser(schema, 'experiment-data-invalid', `data of ${name}`);
  return { name, run, chapter: (data) => chapter(parser.parse(data)) };
}
