import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { DetectorParametersSchema } from './detector-settings.ts';

/**
 * Bandwidth states as `edgent states build` writes them and the control plane reads them: with all that is needed to
 * build them again.
 */
export const StatesFileSchema = Type.Object({
  schema: Type.Literal(1),
  /** The command that made the file. */
  madeBy: Type.String(),
  history: Type.Object({
    traces: Type.Integer({ minimum: 1 }),
    /** All traces together, s. */
    seconds: Type.Number({ minimum: 0 }),
    /** What every rate was multiplied by. */
    scale: Type.Number({ exclusiveMinimum: 0 }),
  }),
  parameters: Type.Object({
    /** States that were wanted. */
    count: Type.Integer({ minimum: 1 }),
    /** The rate to plan with is that which this share of a state's samples falls short of; null: their mean. */
    planningShare: Type.Union([Type.Null(), Type.Number({ minimum: 0, maximum: 1 })]),
    detector: DetectorParametersSchema,
  }),
  /** Ascending, the first from 0; each ends where the next one begins. Mbit/s uplink. */
  states: Type.Array(
    Type.Object({ mbps: Type.Number({ exclusiveMinimum: 0 }), fromMbps: Type.Number({ minimum: 0 }) }),
    { minItems: 1, maxItems: 428 },
  ),
});
export type StatesFile = Static<typeof StatesFileSchema>;

export const statesFileParser = createParser(StatesFileSchema, 'bandwidth-states-invalid', 'states file');
