import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { BreakdownSchema, DirectionSchema, EncodingSchema, ObjectiveSchema } from './plan-schema.ts';

const NotNegative = Type.Number({ minimum: 0 });

const CandidateSchema = Type.Object({
  plan: Type.Object({
    /** 1..M */
    exit: Type.Integer({ minimum: 1 }),
    partition: Type.Integer({ minimum: 0 }),
    direction: DirectionSchema,
    encoding: EncodingSchema,
  }),
  prediction: Type.Object({
    breakdownMs: BreakdownSchema,
    totalMs: NotNegative,
    uploadBytes: Type.Integer({ minimum: 0 }),
  }),
  accuracy: Type.Number({ minimum: 0, maximum: 1 }),
});

const EntrySchema = Type.Object({
  /** The rate that was planned with, and where the state begins; it ends where the next one begins. Mbit/s uplink. */
  state: Type.Object({ mbps: Type.Number({ exclusiveMinimum: 0 }), fromMbps: NotNegative }),
  ...CandidateSchema.properties,
  /** What the objective counts: the paper's reward, the accuracy, or frames a second; 0 where infeasible. */
  reward: NotNegative,
  /** False: no plan meets the deadline in this state, this is the least late one. */
  feasible: Type.Boolean(),
  /** What would be chosen without the chosen exit; null: nothing else meets the deadline. */
  runnerUp: Type.Union([Type.Null(), CandidateSchema]),
});

/** What a map was built for. */
const MadeForSchema = Type.Object({
  /** `layers` has how many each exit has, from the shallowest. */
  model: Type.Object({
    name: Type.String(),
    digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
    layers: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1 }),
  }),
  deviceClass: Type.String(),
  workerClass: Type.String(),
});

/** Bandwidth state → plan, states ascending, for one (device class, worker class, model, policy). */
export const ConfigurationMapSchema = Type.Object({
  schema: Type.Literal(1),
  /** Differs wherever a map may differ; a device looks its plan up anew when it changes. */
  revision: Type.String({ minLength: 1, maxLength: 128 }),
  objective: ObjectiveSchema,
  deadlineMs: Type.Number({ exclusiveMinimum: 0 }),
  marginMs: NotNegative,
  entries: Type.Array(EntrySchema, { minItems: 1 }),
  /** Absent where a map is shared by all for whom it comes out equal, as those that a control plane builds. */
  madeFor: Type.Optional(MadeForSchema),
});
export type ConfigurationMap = Static<typeof ConfigurationMapSchema>;
export type ConfigurationMapEntry = Static<typeof EntrySchema>;

export const configurationMapParser = createParser(ConfigurationMapSchema, 'message-invalid', 'configuration map');
