import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { median } from '../runtime/statistics.ts';

/** Milliseconds of repeated runs. */
const Timing = Type.Object({
  medianMs: Type.Number({ minimum: 0 }),
  p90Ms: Type.Number({ minimum: 0 }),
});

const ProfiledTiming = Type.Object({
  ...Timing.properties,
  /** Runs that this rests on; absent: as many as the profile's `runs`. */
  runs: Type.Optional(Type.Integer({ minimum: 1 })),
});

const CutTensorSchema = Type.Object({
  elements: Type.Integer({ minimum: 0 }),
  rank: Type.Integer({ minimum: 0 }),
});

const MadeRuns = Type.Object({
  least: Type.Integer({ minimum: 1 }),
  /** Over the layers, heads and tails of all exits. */
  median: Type.Number({ minimum: 1 }),
});

/**
 * Measured latencies of a model on one device class or worker class (design: profile).
 * Index p of `head` is the segment of layers 1..p, of `tail` the segment p+1..N; where a segment is
 * empty (head 0, tail N) its time is 0.
 */
export const ProfileSchema = Type.Object({
  schema: Type.Literal(1),
  modelDigest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
  tier: Type.Union([Type.Literal('device'), Type.Literal('worker')]),
  hardwareClass: Type.String({ minLength: 1, maxLength: 128 }),
  threads: Type.Integer({ minimum: 1 }),
  runtime: Type.String(),
  measuredAt: Type.String(),
  /** Pause between two runs while measuring: a processor that dozes off in between is slower. */
  gapMs: Type.Number({ minimum: 0 }),
  /** Wanted of each segment: made as far as the time for all of them allowed. */
  runs: Type.Integer({ minimum: 1 }),
  /** Really made of each segment; absent in profiles of an earlier release. */
  madeRuns: Type.Optional(MadeRuns),
  /** What one more call of the runtime costs, apart from its layers: a model that only hands on one number. */
  perCallOverheadMs: Type.Number({ minimum: 0 }),
  modelLoadMs: Type.Number({ minimum: 0 }),
  exits: Type.Array(
    Type.Object({
      name: Type.String(),
      /**
       * cuts[p] holds the tensors alive after p layers, 0..N, in elements at batch 1: what is sent can be counted
       * without running the model. Absent in profiles of an earlier release.
       */
      cuts: Type.Optional(Type.Array(Type.Array(CutTensorSchema))),
      layers: Type.Array(
        Type.Object({
          name: Type.String(),
          type: Type.String(),
          outputBytes: Type.Integer({ minimum: 0 }),
          timing: ProfiledTiming,
        }),
      ),
      head: Type.Array(ProfiledTiming),
      tail: Type.Array(ProfiledTiming),
    }),
    { minItems: 1 },
  ),
});

export type Profile = Static<typeof ProfileSchema>;
export type SegmentTiming = Static<typeof ProfiledTiming>;

export const profileParser = createParser(ProfileSchema, 'message-invalid', 'profile');

/** @returns how many runs the timings of a profile rest on; segments that are empty were not run */
export function madeRuns({ exits, runs }: Pick<Profile, 'exits' | 'runs'>): Static<typeof MadeRuns> {
  const made = exits.flatMap(({ layers, head, tail }) =>
    [...layers.map(({ timing }) => timing), ...head.slice(1), ...tail.slice(0, -1)].map(
      (timing) => timing.runs ?? runs,
    ),
  );
  return made.length === 0 ? { least: runs, median: runs } : { least: Math.min(...made), median: median(made) };
}

/** @returns the profile as it would be on a processor so many times slower; loading is not slowed */
export function slowedProfile(profile: Profile, processorFactor: number): Profile {
  const slow = ({ medianMs, p90Ms, ...rest }: SegmentTiming): SegmentTiming => ({
    ...rest,
    medianMs: medianMs * processorFactor,
    p90Ms: p90Ms * processorFactor,
  });
  return {
    ...profile,
    perCallOverheadMs: profile.perCallOverheadMs * processorFactor,
    exits: profile.exits.map(({ name, layers, head, tail }) => ({
      name,
      layers: layers.map((layer) => ({ ...layer, timing: slow(layer.timing) })),
      head: head.map(slow),
      tail: tail.map(slow),
    })),
  };
}

/** How well the regressions behind a prediction give back what they were fitted to. */
export const TableFitSchema = Type.Object({
  /** Segments or layers that were measured. */
  observations: Type.Integer({ minimum: 1 }),
  /** Of |predicted / measured − 1|. */
  medianError: Type.Number({ minimum: 0 }),
  p90Error: Type.Number({ minimum: 0 }),
});

/** What a planner needs of a profile, or a prediction where none was measured yet: what is pushed to devices. */
export const LatencyTableSchema = Type.Object({
  hardwareClass: Type.String(),
  exits: Type.Array(Type.Object({ name: Type.String(), head: Type.Array(Timing), tail: Type.Array(Timing) })),
  /** Absent: measured. */
  source: Type.Optional(Type.Union([Type.Literal('measured'), Type.Literal('predicted')])),
  /** Predicted from variables beyond those that were measured: less is known of how far off it is. */
  extrapolated: Type.Optional(Type.Boolean()),
  /** Of a prediction. */
  fit: Type.Optional(TableFitSchema),
});
export type LatencyTable = Static<typeof LatencyTableSchema>;

/** @returns the segments of a profile without its single layers, and without how they were measured */
export function latencyTable(profile: Profile): LatencyTable {
  const timesOf = (timings: readonly SegmentTiming[]) => timings.map(({ medianMs, p90Ms }) => ({ medianMs, p90Ms }));
  return {
    hardwareClass: profile.hardwareClass,
    exits: profile.exits.map(({ name, head, tail }) => ({ name, head: timesOf(head), tail: timesOf(tail) })),
  };
}
