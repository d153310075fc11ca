import { type Static, Type } from 'typebox';
import { FleetError } from '../runtime/errors.ts';
import { FallbackReasonSchema } from './frame-result.ts';
import { DirectionSchema, EncodingSchema } from './plan-schema.ts';

const PlanSchema = Type.Object({
  exit: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  encoding: EncodingSchema,
});
const FallbackSchema = Type.Union([Type.Null(), FallbackReasonSchema]);

/** What is kept of a frame, besides when it ended. */
export const briefFields = {
  frame: Type.Integer({ minimum: 0 }),
  /** What was decided; a frame that fell back did not end by it. */
  plan: PlanSchema,
  /** The exit that answered. */
  exit: Type.String(),
  label: Type.String(),
  latencyMs: Type.Number(),
  met: Type.Boolean(),
  fallback: FallbackSchema,
};
const FrameBriefSchema = Type.Object({
  ...briefFields,
  /** When it ended, by the device's clock: ms since 1970, UTC. */
  atMs: Type.Number(),
});
export type FrameBrief = Static<typeof FrameBriefSchema>;

/** Most frames of one report. */
export const maxBriefs = 500;
/** A thousand years hence: what is later is no time. */
const latestMs = 3.2e13;

const Index = Type.Integer({ minimum: 0 });
const columnOf = { minItems: 1, maxItems: maxBriefs };
const tableOf = { maxItems: maxBriefs };

/**
 * Frames as they are sent and stored: by columns, what repeats named once. A frame takes about 30 bytes that way, a
 * quarter of what it takes as an object.
 * INVARIANT: all columns are of one length, and each index points into its table.
 */
export const frameColumns = {
  /** When the first of them ended, ms since 1970, UTC. */
  fromMs: Type.Number({ minimum: 0, maximum: latestMs }),
  plans: Type.Array(PlanSchema, tableOf),
  exits: Type.Array(Type.String(), tableOf),
  labels: Type.Array(Type.String(), tableOf),
  frame: Type.Array(Index, columnOf),
  /** After `fromMs`; the device's clock may have been put back meanwhile. */
  endedMs: Type.Array(Type.Number({ minimum: -latestMs, maximum: latestMs }), columnOf),
  plan: Type.Array(Index, columnOf),
  exit: Type.Array(Index, columnOf),
  label: Type.Array(Index, columnOf),
  latencyMs: Type.Array(Type.Number(), columnOf),
  met: Type.Array(Type.Boolean(), columnOf),
  fallback: Type.Array(FallbackSchema, columnOf),
};
const FrameColumnsSchema = Type.Object(frameColumns);
export type FrameColumns = Static<typeof FrameColumnsSchema>;

/** @param briefs 1 to `maxBriefs` */
export function toColumns(briefs: readonly FrameBrief[]): FrameColumns {
  const plans = createTable<FrameBrief['plan']>();
  const exits = createTable<string>();
  const labels = createTable<string>();
  const fromMs = briefs[0]?.atMs ?? 0;
  return {
    fromMs,
    frame: briefs.map(({ frame }) => frame),
    endedMs: briefs.map(({ atMs }) => atMs - fromMs),
    plan: briefs.map(({ plan }) => plans.indexOf(plan)),
    exit: briefs.map(({ exit }) => exits.indexOf(exit)),
    label: briefs.map(({ label }) => labels.indexOf(label)),
    latencyMs: briefs.map(({ latencyMs }) => latencyMs),
    met: briefs.map(({ met }) => met),
    fallback: briefs.map(({ fallback }) => fallback),
    plans: plans.entries,
    exits: exits.entries,
    labels: labels.entries,
  };
}

/** @throws {FleetError} `message-invalid` where the columns contradict each other */
export function fromColumns(columns: FrameColumns): FrameBrief[] {
  const { frame, endedMs, plan, exit, label, latencyMs, met, fallback } = columns;
  if ([endedMs, plan, exit, label, latencyMs, met, fallback].some(({ length }) => length !== frame.length)) {
    throw new FleetError('message-invalid', 'frame results: the columns are not of one length');
  }
  return frame.map((number, index) => ({
    frame: number,
    atMs: columns.fromMs + at(endedMs, index),
    plan: at(columns.plans, at(plan, index)),
    exit: at(columns.exits, at(exit, index)),
    label: at(columns.labels, at(label, index)),
    latencyMs: at(latencyMs, index),
    met: at(met, index),
    fallback: at(fallback, index),
  }));
}

/** @throws {FleetError} `message-invalid` for a place that is not there */
function at<T>(list: readonly T[], index: number): T {
  const value = list[index];
  if (value === undefined) throw new FleetError('message-invalid', `frame results: nothing at place ${index}`);
  return value;
}

/** Gives each value a place, the same value the same one. */
function createTable<T>(): { entries: T[]; indexOf: (value: T) => number } {
  const entries: T[] = [];
  const places = new Map<string, number>();
  return {
    entries,
    indexOf(value) {
      const key = JSON.stringify(value);
      const known = places.get(key);
      if (known !== undefined) return known;
      places.set(key, entries.length);
      return entries.push(value) - 1;
    },
  };
}
