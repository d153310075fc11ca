import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { BreakdownSchema, DirectionSchema, EncodingSchema, SegmentFactorSchema } from './plan-schema.ts';

/** Why a frame did not finish on the worker although its plan said so. */
export const FallbackReasonSchema = Type.Union([
  Type.Literal('timeout'),
  Type.Literal('expired'),
  Type.Literal('overloaded'),
  Type.Literal('unavailable'),
  Type.Literal('invalid'),
  Type.Literal('disconnected'),
]);
export type FallbackReason = Static<typeof FallbackReasonSchema>;

const PlanSchema = Type.Object({
  exit: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  encoding: EncodingSchema,
});

const EarlyExitSchema = Type.Object({
  exit: Type.String(),
  /** It answered: nothing was sent. */
  confident: Type.Boolean(),
  /** Of its output, nats; null: an output was no number. */
  entropy: Type.Union([Type.Null(), Type.Number({ minimum: 0 })]),
  /** Below this entropy it answers. */
  threshold: Type.Number({ minimum: 0 }),
  /** What asking it took, ms. */
  ms: Type.Number({ minimum: 0 }),
});

const ImageMs = Type.Object({ encodeMs: Type.Number({ minimum: 0 }), decodeMs: Type.Number({ minimum: 0 }) });
const NsPerElement = Type.Object({ f32: Type.Number(), f16: Type.Number(), u8: Type.Number() });

/**
 * Frames lost since the one before because the device was busy: slots of a steady rate that passed, frames of a camera
 * that newer ones replaced.
 */
const Skipped = Type.Integer({ minimum: 0 });

/** One JSON object a line: what became of a frame. Times in milliseconds, on the device's monotonic clock. */
export const FrameResultSchema = Type.Object({
  schema: Type.Literal(1),
  device: Type.String(),
  frame: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  label: Type.String(),
  /** The label that the data set gives, where it gives one. */
  truth: Type.Union([Type.Null(), Type.String()]),
  /** Where it was finished, which is not `plan` where it fell back. */
  exit: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  direction: Type.String(),
  encoding: Type.String(),
  finishedOn: Type.Union([Type.Literal('device'), Type.Literal('worker')]),
  plan: PlanSchema,
  /** `preparing`: the best plan was not loaded yet, this was the best of those that were. */
  planned: Type.Union([
    Type.Literal('best'),
    Type.Literal('preparing'),
    Type.Literal('forced'),
    Type.Literal('unplanned'),
  ]),
  configurationVersion: Type.Integer({ minimum: 0 }),
  deadlineMs: Type.Number(),
  latencyMs: Type.Number(),
  met: Type.Boolean(),
  fallback: Type.Union([Type.Null(), FallbackReasonSchema]),
  /**
   * The fallback, or the early exit that answered, went on from what the plan's head had computed: so many layers of `exit`
   * had been run then. Absent: it ran the whole branch, or there was none.
   */
  continuedFrom: Type.Optional(Type.Integer({ minimum: 1 })),
  /** The exit that the plan's head has passed was asked as well; absent: it was not. */
  earlyExit: Type.Optional(EarlyExitSchema),
  /** What an early exit took counts as the device's. */
  breakdownMs: BreakdownSchema,
  /** What onnxruntime itself took, without messages; the worker's with the waiting of an emulated processor, if any. */
  runtimeMs: Type.Object({ device: Type.Number(), worker: Type.Number() }),
  /** What the plan was chosen on; null where nothing is known of a link. */
  assumed: Type.Object({
    totalMs: Type.Number(),
    uplinkMbps: Type.Union([Type.Null(), Type.Number()]),
    downlinkMbps: Type.Union([Type.Null(), Type.Number()]),
    rttMs: Type.Number(),
    queueMs: Type.Number(),
    /** What every frame takes on the device besides its plan. */
    frameMs: Type.Number(),
    /** Nanoseconds to encode or decode one element. */
    encodeNs: NsPerElement,
    decodeNs: NsPerElement,
    /** To encode the input as an image here and to decode it on the worker; absent: it is not sent so. */
    imageCodecMs: Type.Optional(Type.Object({ jpeg: Type.Optional(ImageMs), webp: Type.Optional(ImageMs) })),
    /** What the profiles' times were multiplied by; absent: by 1. */
    correction: Type.Optional(Type.Object({ device: Type.Number(), worker: Type.Number() })),
    /** Parts of plans that the device's times are multiplied by something else besides; absent: by 1. */
    segments: Type.Optional(Type.Array(SegmentFactorSchema)),
    /** How many times longer than predicted the device computes at its slowest; absent: as long as predicted. */
    deviceSpread: Type.Optional(Type.Number({ minimum: 1 })),
    /** For how long the device's thread was still busy with what ran before, ms; absent: it was free. */
    busyMs: Type.Optional(Type.Number({ minimum: 0 })),
    /**
     * How the uplink's rate had moved in the last transfers: ln(what one told / what was believed before it), ascending.
     * Told where no local exit would have ended within the deadline: a plan goes by its chance there.
     */
    uplinkMoves: Type.Optional(Type.Array(Type.Number())),
  }),
  /** What the plan was looked up by; absent where it was planned for the bandwidth alone. */
  dynamic: Type.Optional(
    Type.Object({
      /** Bandwidth state, of the map of this revision. */
      stateIndex: Type.Integer({ minimum: 0 }),
      revision: Type.String(),
      /** The rate that the state is planned for, Mbit/s; absent from releases that did not tell it. */
      mbps: Type.Optional(Type.Number()),
      /** For how many measurements the link is believed to be as it is. */
      runLength: Type.Integer({ minimum: 0 }),
      /**
       * The map's plan would not have met the deadline by the device's times, or behind what its thread was busy with: this
       * one was planned for the state's rate. Absent: it is the map's plan.
       */
      gaveWay: Type.Optional(Type.Literal(true)),
      /** Deadline less margin less T as predicted for the state, ms. */
      slackMs: Type.Number(),
    }),
  ),
  uploadBytes: Type.Integer({ minimum: 0 }),
  skipped: Skipped,
  /** Exit 1 run whole on this device, timed under the present load: what the cheapest fallback needs at most. */
  rescue: Type.Object({ runs: Type.Integer({ minimum: 0 }), p99Ms: Type.Number() }),
  /** How many times slower a processor was emulated; 1: none. */
  processorFactor: Type.Number(),
});
export type FrameResult = Static<typeof FrameResultSchema>;

/** One JSON object a line, in place of the result: the frame came to nothing. */
const FrameFailureSchema = Type.Object({
  schema: Type.Literal(1),
  device: Type.String(),
  frame: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  /** Why, for people. */
  failed: Type.String(),
  skipped: Skipped,
});
export type FrameFailure = Static<typeof FrameFailureSchema>;

/** What a device prints of each frame that it took. */
export const frameLineParser = createParser(
  Type.Union([FrameResultSchema, FrameFailureSchema]),
  'message-invalid',
  'frame result',
);
