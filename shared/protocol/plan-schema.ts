import { Type } from 'typebox';

/** The words of a plan and of a policy, as several messages use them. */
export const EncodingSchema = Type.Union([
  Type.Literal('f32'),
  Type.Literal('f16'),
  Type.Literal('u8'),
  Type.Literal('jpeg'),
  Type.Literal('webp'),
]);
export const DirectionSchema = Type.Union([Type.Literal('device-first'), Type.Literal('edge-first')]);

/**
 * What a plan is chosen for: the highest accuracy within the deadline, then least T; least T alone; or the
 * paper's reward.
 */
export const ObjectiveSchema = Type.Union([Type.Literal('accuracy'), Type.Literal('latency'), Type.Literal('paper')]);

/** Milliseconds of one frame, by where they go. */
export const BreakdownSchema = Type.Object({
  device: Type.Number(),
  encode: Type.Number(),
  upload: Type.Number(),
  queue: Type.Number(),
  worker: Type.Number(),
  /** With the device's decoding. */
  download: Type.Number(),
});

/** What the device's part of a plan, whatever its encoding, takes by the device's profile, and how far that is off. */
export const SegmentFactorSchema = Type.Object({
  /** From 1. */
  exit: Type.Integer({ minimum: 1 }),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  factor: Type.Number(),
  tableMs: Type.Number(),
});
