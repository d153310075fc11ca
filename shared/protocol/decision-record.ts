import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { DirectionSchema, EncodingSchema, SegmentFactorSchema } from './plan-schema.ts';

const NullableNumber = Type.Union([Type.Null(), Type.Number()]);

const PlannedSchema = Type.Object({
  exit: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  encoding: EncodingSchema,
  /** T as predicted, ms. */
  totalMs: Type.Number(),
  /** Top-1, 0..1. */
  accuracy: Type.Number(),
});

/** One decision of a device with all that it was made on: why frames are run as they are. */
export const DecisionRecordSchema = Type.Object({
  /** When it was made, and when the last frame was run by it; ISO 8601, UTC. */
  at: Type.String(),
  lastAt: Type.String(),
  /** Frames that were run by it. */
  frames: Type.Integer({ minimum: 1 }),
  /** Which one decided: without a worker, or while the map's plan is forced away, it is the static one. */
  configurator: Type.Union([Type.Literal('static'), Type.Literal('dynamic')]),
  /**
   * Between two frames the link's state and the map may both change, and either alone can be why the plan did.
   * `plan-changed`: the plan is another one, or is planned otherwise, although neither state nor map changed.
   */
  kind: Type.Union([
    Type.Literal('first'),
    Type.Literal('state-changed'),
    Type.Literal('map-changed'),
    Type.Literal('state-and-map-changed'),
    Type.Literal('plan-changed'),
    Type.Literal('configuration-changed'),
  ]),
  planned: Type.Union([
    Type.Literal('best'),
    Type.Literal('preparing'),
    Type.Literal('forced'),
    Type.Literal('unplanned'),
  ]),
  configurationVersion: Type.Integer({ minimum: 0 }),
  /** Uplink as it was measured, Mbit/s; null: not known. */
  bandwidthMbps: NullableNumber,
  queueMs: Type.Number(),
  /** What the profiles' times were multiplied by. */
  correction: Type.Object({ device: Type.Number(), worker: Type.Number() }),
  /** Parts of plans that the device's times were multiplied by something else besides; absent: by 1. */
  segments: Type.Optional(Type.Array(SegmentFactorSchema)),
  /** How many times longer than predicted the device computed at its slowest; absent: not known by that release. */
  deviceSpread: Type.Optional(Type.Number({ minimum: 1 })),
  /** For how long the device's thread was still busy, ms; absent: not known by that release. */
  busyMs: Type.Optional(Type.Number({ minimum: 0 })),
  /** Null: decided for the bandwidth alone. */
  state: Type.Union([
    Type.Null(),
    Type.Object({
      index: Type.Integer({ minimum: 0 }),
      previousIndex: Type.Union([Type.Null(), Type.Integer({ minimum: 0 })]),
      /** The rate that was planned with, and where the state begins, Mbit/s. */
      mbps: Type.Number(),
      fromMbps: Type.Number(),
      /** For how many measurements the link is believed to be as it is. */
      runLength: Type.Integer({ minimum: 0 }),
      /** Of the map. */
      revision: Type.String(),
    }),
  ]),
  plan: PlannedSchema,
  /** What the map says for the state, where it gave way: it would not have met the deadline by the device's times. */
  mapPlan: Type.Optional(PlannedSchema),
  /**
   * Deadline less margin, less what the device takes longer at its slowest, less predicted T, ms; below 0: no plan meets
   * the deadline, or it is forced, or what does is not loaded yet.
   */
  slackMs: Type.Number(),
  /**
   * Where no plan of the policy meets the deadline: the least deadline that one would, ms, and the least uplink rate at
   * which one would meet this, Mbit/s, null where none helps. Absent: one meets it, or not known by that release.
   */
  needed: Type.Optional(Type.Object({ deadlineMs: Type.Number(), uplinkMbps: NullableNumber })),
  /** The alternative: what would have been chosen without that exit; null: nothing else meets the deadline. */
  runnerUp: Type.Union([Type.Null(), PlannedSchema]),
});
export type DecisionRecord = Static<typeof DecisionRecordSchema>;

/** Where a device keeps its decisions, in its data folder. */
export const decisionsFile = 'decisions.json';

/** What a device keeps of its decisions. */
export const DecisionLogSchema = Type.Object({
  schema: Type.Literal(1),
  device: Type.String(),
  /** Oldest first; the last one is in force. */
  decisions: Type.Array(DecisionRecordSchema, { minItems: 1 }),
});
export type DecisionLogContent = Static<typeof DecisionLogSchema>;

export const decisionLogParser = createParser(DecisionLogSchema, 'message-invalid', 'decisions');
