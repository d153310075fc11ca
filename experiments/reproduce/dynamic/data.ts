import { type Static, Type } from 'typebox';
import { DirectionSchema } from '../../../shared/protocol/plan-schema.ts';
import { EmulationSchema } from '../settings.ts';

const Numbers = Type.Array(Type.Number());

/** What all frames of one method came to over a set of traces. */
export const MethodSummarySchema = Type.Object({
  name: Type.String(),
  frames: Type.Integer({ minimum: 0 }),
  met: Type.Integer({ minimum: 0 }),
  fellBack: Type.Integer({ minimum: 0 }),
  /** Frames with another plan than the one before had. */
  switches: Type.Integer({ minimum: 0 }),
  /** Mean of the accuracy where the deadline is met, else 0. */
  accuracyIfMet: Type.Number(),
  meanReward: Type.Number(),
  /** Quantiles from 0 to 1 in equal steps; throughput is 1 / T, frames a second. */
  throughput: Numbers,
  reward: Numbers,
});
export type MethodSummary = Static<typeof MethodSummarySchema>;

/** One trace frame by frame, for some methods. */
const TimelineSchema = Type.Object({
  trace: Type.String(),
  /** Of each frame, s. */
  atS: Numbers,
  bandwidthMbps: Numbers,
  /** What the numbers of the plans mean. */
  plans: Type.Array(Type.String()),
  methods: Type.Array(Type.Object({ name: Type.String(), plan: Numbers, throughput: Numbers, reward: Numbers })),
});
export type Timeline = Static<typeof TimelineSchema>;

const SetResultSchema = Type.Object({
  name: Type.String(),
  traces: Type.Integer({ minimum: 1 }),
  seconds: Type.Integer({ minimum: 1 }),
  meanMbps: Type.Number(),
  objectives: Type.Array(
    Type.Object({
      objective: Type.Union([Type.Literal('paper'), Type.Literal('accuracy')]),
      methods: Type.Array(MethodSummarySchema, { minItems: 1 }),
      timeline: Type.Union([Type.Null(), TimelineSchema]),
    }),
    { minItems: 1 },
  ),
});
export type SetResult = Static<typeof SetResultSchema>;

/** Means of accuracy if met of what needs no planning, as shares of the oracle's, at one deadline. */
const DeadlineTrialSchema = Type.Object({
  deadlineMs: Type.Number(),
  /** How many times exit 1's local p99 it is. */
  timesExit1: Type.Number(),
  alwaysExit1: Type.Number(),
  alwaysLocal: Type.Number(),
  alwaysEdge: Type.Number(),
});
export type DeadlineTrial = Static<typeof DeadlineTrialSchema>;

/** What methods come to with objective accuracy at a deadline that no local exit meets. */
const ShortDeadlineSchema = Type.Object({
  deadlineMs: Type.Number(),
  timesExit1: Type.Number(),
  periodMs: Type.Number(),
  sets: Type.Array(Type.Object({ name: Type.String(), methods: Type.Array(MethodSummarySchema, { minItems: 1 }) }), {
    minItems: 1,
  }),
});
export type ShortDeadline = Static<typeof ShortDeadlineSchema>;

export const RunSchema = Type.Object({
  frames: Type.Integer({ minimum: 1 }),
  met: Type.Integer({ minimum: 0 }),
  fellBack: Type.Integer({ minimum: 0 }),
  accuracyIfMet: Type.Number(),
  /** Frames by the time that they took, a second. */
  throughput: Type.Number(),
});
export type Run = Static<typeof RunSchema>;

/** What a device takes for its part of plans, by its profile and as it was measured before a trace, ms. */
export const TimedPartSchema = Type.Object({
  exit: Type.Integer({ minimum: 1 }),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  profiledMs: Type.Number(),
  measuredMs: Type.Number(),
});
export type TimedPart = Static<typeof TimedPartSchema>;

/** The same part of a trace in virtual time and on the platform. */
export const SampleSchema = Type.Object({
  set: Type.String(),
  trace: Type.String(),
  seconds: Type.Number(),
  /** From one frame to the next, ms. */
  periodMs: Type.Number(),
  /**
   * What both are run with; the rest takes as many times its profile as these do together. Absent from reports of an earlier
   * release: virtual time had the profile.
   */
  device: Type.Optional(Type.Array(TimedPartSchema)),
  virtual: RunSchema,
  real: RunSchema,
});
export type Sample = Static<typeof SampleSchema>;

/** The dynamic method over a set, one thing being another than in the rest. */
const VariantResultSchema = Type.Object({
  set: Type.String(),
  variant: Type.String(),
  objective: Type.String(),
  summary: MethodSummarySchema,
});
export type VariantResult = Static<typeof VariantResultSchema>;

export const DynamicCaseSchema = Type.Object({
  setting: Type.String(),
  about: Type.String(),
  model: Type.String(),
  /** `f32`: as the paper, device-first; `all`: every encoding and direction. */
  allowed: Type.String(),
  emulation: EmulationSchema,
  /** Of a message of no size, as measured, ms. */
  rttMs: Type.Number(),
  /** Coefficient of variation of what the device's own runs take, as measured. */
  deviceVariation: Type.Number({ minimum: 0 }),
  exit1P99Ms: Type.Number(),
  deadlineMs: Type.Number(),
  periodMs: Type.Number(),
  trials: Type.Array(DeadlineTrialSchema, { minItems: 1 }),
  /** Shorter ones, where no way that needs no planning comes near to the oracle. */
  short: Type.Array(ShortDeadlineSchema),
  sets: Type.Array(SetResultSchema),
  variants: Type.Array(VariantResultSchema),
  samples: Type.Array(SampleSchema),
});
export type DynamicCase = Static<typeof DynamicCaseSchema>;

/** What the virtual replay assumes, and every case. */
export const DynamicDataSchema = Type.Object({
  belgianScale: Type.Number(),
  stateCount: Type.Integer(),
  /** Of each objective: the share of a state's samples below the rate that is planned for (null: its mean), and the rise margin. */
  mappings: Type.Array(
    Type.Object({
      objective: Type.String(),
      planningShare: Type.Union([Type.Null(), Type.Number()]),
      riseMargin: Type.Number(),
    }),
  ),
  seed: Type.Integer(),
  /** Coefficient of variation of a measured rate. */
  rateVariation: Type.Number(),
  cases: Type.Array(DynamicCaseSchema),
});
export type DynamicData = Static<typeof DynamicDataSchema>;
