import { type Static, Type } from 'typebox';
import { samePlan } from '../../shared/planner/plan.ts';
import { DirectionSchema, EncodingSchema } from '../../shared/protocol/plan-schema.ts';
import { costsOf } from './costs.ts';
import type { ExperimentContext } from './experiment.ts';
import { factorsOf } from './factors.ts';
import { measurePlan } from './measure-plan.ts';
import { type MeasuredFrames, MeasuredFramesSchema } from './measured-frames.ts';
import type { Circumstances, Method, Selection } from './methods/method.ts';
import { methods } from './methods/methods.ts';
import type { Scale } from './scale.ts';
import { EmulationSchema } from './settings.ts';
import { linkRttMs, type Place } from './test-bed.ts';

export const PlanSchema = Type.Object({
  exit: Type.Integer({ minimum: 1 }),
  partition: Type.Integer({ minimum: 0 }),
  direction: DirectionSchema,
  encoding: EncodingSchema,
});

/** What one method came to at one point. */
const OutcomeSchema = Type.Object({
  method: Type.String(),
  /** Null: the method says that nothing meets the deadline. */
  selection: Type.Union([
    Type.Null(),
    Type.Object({ plan: PlanSchema, predictedMs: Type.Number(), accuracy: Type.Number() }),
  ]),
  /** Null: nothing was chosen, or it takes too long to be measured. */
  measured: Type.Union([Type.Null(), MeasuredFramesSchema]),
});
export type Outcome = Static<typeof OutcomeSchema>;

/** All methods at some bandwidths and deadlines, at one place. */
export const SweepSchema = Type.Object({
  setting: Type.String(),
  model: Type.String(),
  emulation: EmulationSchema,
  methods: Type.Array(Type.Object({ name: Type.String(), about: Type.String() })),
  points: Type.Array(
    Type.Object({ mbps: Type.Number(), deadlineMs: Type.Number(), outcomes: Type.Array(OutcomeSchema) }),
    { minItems: 1 },
  ),
});
export type Sweep = Static<typeof SweepSchema>;

/** Has every method choose at every point, and runs what was chosen with real inference over a shaped link. */
export async function measureSweep(
  context: ExperimentContext,
  { setting, model }: Scale['places'][number],
  points: readonly { mbps: number; deadlineMs: number }[],
): Promise<Sweep> {
  const place: Place = { model, factors: await factorsOf(context, setting, model) };
  const costs = await costsOf(context, place);
  const measured: Sweep['points'] = [];
  for (const { mbps, deadlineMs } of points) {
    const circumstances = costs.at(mbps, deadlineMs);
    const outcomes: Outcome[] = [];
    for (const method of methods) outcomes.push(await outcomeOf(context, place, method, circumstances));
    measured.push({ mbps, deadlineMs, outcomes });
  }
  return {
    setting,
    model,
    emulation: { ...place.factors, rttMs: linkRttMs },
    methods: methods.map(({ name, about }) => ({ name, about })),
    points: measured,
  };
}

/** @returns the outcome of a method at a point; undefined where it was not tried */
export function outcomeAt({ outcomes }: Sweep['points'][number], method: Pick<Method, 'name'>): Outcome | undefined {
  return outcomes.find((outcome) => outcome.method === method.name);
}

async function outcomeOf(
  context: ExperimentContext,
  place: Place,
  method: Method,
  circumstances: Circumstances,
): Promise<Outcome> {
  const selection = method.choose(circumstances);
  return { method: method.name, selection, measured: await run(context, place, selection, circumstances) };
}

function run(
  context: ExperimentContext,
  place: Place,
  selection: Selection | null,
  { input }: Circumstances,
): Promise<MeasuredFrames | null> {
  if (selection === null || selection.predictedMs > context.scale.longestTransferMs) return Promise.resolve(null);
  const sendsNothing = input.plans.local.some(({ plan }) => samePlan(plan, selection.plan));
  const mbps = sendsNothing ? localMbps : (input.offload?.link.uplinkMbps ?? localMbps);
  return measurePlan(context, { place, plan: selection.plan, mbps });
}

/** What sends nothing is measured once, whatever the link, Mbit/s. */
const localMbps = 1;
