import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { ConfigurationMapSchema } from './configuration-map.ts';
import { DetectorSettingsSchema } from './detector-settings.ts';
import { idPatternSource } from './ids.ts';
import { DirectionSchema, EncodingSchema, ObjectiveSchema } from './plan-schema.ts';
import { LatencyTableSchema } from './profile.ts';

/** JSON messages that cross the broker, each with the schema that gives its type. Times are ISO 8601, UTC. */
const Id = Type.String({ pattern: idPatternSource });
const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

/** Birth and will of a device or worker; retained. */
export const PresenceSchema = Type.Object({
  schema: Type.Literal(1),
  online: Type.Boolean(),
  /** Differs after each start of the process, 0 in a will that was never born. */
  boot: Type.Integer({ minimum: 0 }),
  /** It goes by itself: what it has begun is still answered. */
  leaving: Type.Optional(Type.Boolean()),
});
export type Presence = Static<typeof PresenceSchema>;

const Weight = Type.Number({ minimum: 0, maximum: 1e6 });

/**
 * What one device or a whole fleet is to reach; immutable once it has a version. A field with a default may be
 * absent: a policy that was written before there was such a field reads as if it had it.
 */
export const PolicySchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  version: Type.Integer({ minimum: 1 }),
  deadlineMs: Type.Number({ exclusiveMinimum: 0, maximum: 600_000 }),
  /** Plans of a lower accuracy are out. 0..1 */
  minimumAccuracy: Type.Number({ minimum: 0, maximum: 1 }),
  /** Accuracies this close count as equal. 0..1 */
  accuracyTolerance: Type.Number({ minimum: 0, maximum: 1 }),
  encodings: Type.Array(EncodingSchema, { minItems: 1 }),
  directions: Type.Array(DirectionSchema, { minItems: 1 }),
  /** Safety that a plan must leave between its predicted end and the deadline, ms. */
  marginMs: Type.Number({ minimum: 0 }),
  objective: Type.Union(ObjectiveSchema.anyOf, { default: 'accuracy' }),
  /** Of objective `paper`: reward = accuracy × exp(top-1) + throughput × frames a second. */
  rewardWeights: Type.Object({ accuracy: Weight, throughput: Weight }, { default: { accuracy: 1, throughput: 1 } }),
  /** `static` plans each frame for the bandwidth now, `dynamic` looks the bandwidth's state up in a map. */
  configurator: Type.Union([Type.Literal('static'), Type.Literal('dynamic')], { default: 'static' }),
  /** How a `dynamic` device tells a change of bandwidth from noise. */
  detector: DetectorSettingsSchema,
  /** Bandwidth states that a map is built for, at most. */
  stateCount: Type.Integer({ minimum: 1, maximum: 428, default: 12 }),
  /**
   * A device that has run a head also asks the exit that it has passed, where the time allows, and ends the frame there if
   * that one is sure: by the model's threshold for this loss of accuracy, 0..1. Null: never.
   */
  earlyExit: Type.Union([Type.Null(), Type.Object({ accuracyLoss: Type.Number({ minimum: 0, maximum: 1 }) })], {
    default: null,
  }),
});
export type Policy = Static<typeof PolicySchema>;

/** Which model to run and where its files are fetched. */
export const ModelReferenceSchema = Type.Object({
  name: Type.String(),
  version: Type.String(),
  digest: Digest,
  /** Of the manifest as the control plane gives it, which may be renewed under the same model; absent: any will do. */
  manifestDigest: Type.Optional(Digest),
});
export type ModelReference = Static<typeof ModelReferenceSchema>;

/** Desired configuration of one device; retained by the broker, versions rise by one a change. */
export const DeviceConfigurationSchema = Type.Object({
  schema: Type.Literal(1),
  version: Type.Integer({ minimum: 1 }),
  issuedAt: Type.String(),
  model: ModelReferenceSchema,
  policy: PolicySchema,
  /** Null: no worker is there, run locally. */
  worker: Type.Union([Type.Null(), Type.Object({ id: Id, profile: Type.Union([Type.Null(), LatencyTableSchema]) })]),
  /** Null: none was measured on this device class yet, and none can be predicted. */
  deviceProfile: Type.Union([Type.Null(), LatencyTableSchema]),
  /**
   * Bandwidth state → plan for this device's class, its worker's class, model and policy; its states are those of the
   * detector. Null: static, or a profile is missing.
   */
  map: Type.Union([Type.Null(), ConfigurationMapSchema], { default: null }),
  /** This device is the one of its class that is to measure and publish a profile. */
  profileRequested: Type.Boolean(),
});
export type DeviceConfiguration = Static<typeof DeviceConfigurationSchema>;

/** Desired configuration of one worker; retained. */
export const WorkerConfigurationSchema = Type.Object({
  schema: Type.Literal(1),
  version: Type.Integer({ minimum: 1 }),
  issuedAt: Type.String(),
  models: Type.Array(ModelReferenceSchema),
  /** Digests whose profile on this worker's class is missing. */
  profilesRequested: Type.Array(Digest),
});
export type WorkerConfiguration = Static<typeof WorkerConfigurationSchema>;

/** How far measuring a profile has come, in runs; the total may shrink while it goes on. */
const ProgressSchema = Type.Object({ done: Type.Integer({ minimum: 0 }), total: Type.Integer({ minimum: 0 }) });
export type Progress = Static<typeof ProgressSchema>;

/** Parts whose times are far from their profile for long, each with how many times longer they take. */
const DriftSchema = Type.Object({
  device: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  worker: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
});
export type Drift = Static<typeof DriftSchema>;

/** What a device or worker runs now; retained. */
export const ReportedSchema = Type.Object({
  schema: Type.Literal(1),
  /** Configuration version in force. */
  version: Type.Integer({ minimum: 0 }),
  boot: Type.Integer({ minimum: 0 }),
  modelDigest: Type.Union([Type.Null(), Digest]),
  state: Type.Union([
    Type.Literal('starting'),
    Type.Literal('profiling'),
    Type.Literal('ready'),
    Type.Literal('failed'),
  ]),
  /** Why it failed, as a code of the error catalogue. */
  error: Type.Optional(Type.String()),
  /** While it measures a profile itself, about once a second. */
  progress: Type.Optional(ProgressSchema),
  /** A device's: asks for new profiles of these parts. */
  drift: Type.Optional(DriftSchema),
});
export type Reported = Static<typeof ReportedSchema>;

/** Asks for the desired configuration, on every connect. */
export const ConfigurationRequestSchema = Type.Object({
  schema: Type.Literal(1),
  /** The version the sender holds, 0 for none. */
  version: Type.Integer({ minimum: 0 }),
});
export type ConfigurationRequest = Static<typeof ConfigurationRequestSchema>;

/** How busy a worker is. */
export const LoadSchema = Type.Object({
  schema: Type.Literal(1),
  boot: Type.Integer({ minimum: 0 }),
  threads: Type.Integer({ minimum: 1 }),
  queued: Type.Integer({ minimum: 0 }),
  /** Share of the last interval that the threads computed, 0..1. */
  utilisation: Type.Number({ minimum: 0 }),
  completed: Type.Integer({ minimum: 0 }),
  expired: Type.Integer({ minimum: 0 }),
  overloaded: Type.Integer({ minimum: 0 }),
  /** Median wait in the queue over the last interval, ms. */
  queueMs: Type.Number({ minimum: 0 }),
});
export type Load = Static<typeof LoadSchema>;

/** Fills the fields that have a default. */
export const policyParser = createParser(PolicySchema, 'message-invalid', 'policy');
export const presenceParser = createParser(PresenceSchema, 'message-invalid', 'presence');
export const deviceConfigurationParser = createParser(
  DeviceConfigurationSchema,
  'message-invalid',
  'device configuration',
);
export const workerConfigurationParser = createParser(
  WorkerConfigurationSchema,
  'message-invalid',
  'worker configuration',
);
export const reportedParser = createParser(ReportedSchema, 'message-invalid', 'reported state');
export const configurationRequestParser = createParser(
  ConfigurationRequestSchema,
  'message-invalid',
  'configuration request',
);
export const loadParser = createParser(LoadSchema, 'message-invalid', 'worker load');
