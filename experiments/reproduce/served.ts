import { type Static, Type } from 'typebox';
import { constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import type { ModelShape } from '../../shared/planner/plan.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import { costsOf } from './costs.ts';
import type { ExperimentContext } from './experiment.ts';
import { SweepSchema } from './sweep.ts';
import type { Place } from './test-bed.ts';

/** Frames in which the device planned, corrected itself and fell back as it does in service. */
const ServedSchema = Type.Object({
  name: Type.String(),
  deadlineMs: Type.Number(),
  frames: Type.Array(
    Type.Object({
      exit: Type.String(),
      finishedOn: Type.String(),
      encoding: Type.String(),
      /** Of the exit that the frame was finished on, as its encoding leaves it, 0..1. */
      accuracy: Type.Number(),
      latencyMs: Type.Number(),
      met: Type.Boolean(),
    }),
    { minItems: 1 },
  ),
});
export type Served = Static<typeof ServedSchema>;

/** All methods at one place, and the device as it serves there. */
export const AccuracyCaseSchema = Type.Object({ sweep: SweepSchema, served: Type.Array(ServedSchema) });
export type AccuracyCase = Static<typeof AccuracyCaseSchema>;

/** @returns what came of frames that the device planned by itself on a link of a constant rate */
export async function serve(
  context: ExperimentContext,
  place: Place,
  mbps: number,
  policy: Pick<Policy, 'deadlineMs' | 'encodings' | 'directions'>,
): Promise<Pick<Served, 'frames'>> {
  const { settleFrames, servedFrames } = context.scale;
  const { model } = (await costsOf(context, place)).at(mbps, policy.deadlineMs).input.plans;
  const inputs = {
    what: 'served',
    model: place.model,
    factors: [place.factors.device, place.factors.worker],
    policy: [policy.deadlineMs, ...policy.encodings, ...policy.directions],
    link: [mbps],
    frames: [settleFrames, servedFrames],
  };
  return context.point(inputs, Type.Pick(ServedSchema, ['frames']), async () => {
    const { deadlineMs, encodings } = policy;
    context.progress(`${place.model} planning by itself, ${deadlineMs} ms, ${encodings.join(', ')}, ${mbps} Mbit/s`);
    const bed = await context.testBed(place);
    const results = await bed.measure({ link: constantTrace(mbps), policy, settleFrames, frames: servedFrames });
    return { frames: results.map((result) => servedFrame(result, model)) };
  });
}

/** @returns what a result comes to, with the accuracy of the exit that it was finished on */
export function servedFrame(result: FrameResult, { exits }: ModelShape): Served['frames'][number] {
  const { exit, partition, encoding, finishedOn, latencyMs, met } = result;
  const shape = exits.find(({ name }) => name === exit);
  const encoded = encoding === 'f16' || encoding === 'u8' ? shape?.encodedAccuracy?.[encoding]?.[partition] : undefined;
  return { exit, finishedOn, encoding, latencyMs, met, accuracy: encoded ?? shape?.accuracy ?? 0 };
}
