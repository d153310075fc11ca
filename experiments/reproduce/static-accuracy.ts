import { Type } from 'typebox';
import type { Policy } from '../../shared/protocol/messages.ts';
import { defineExperiment, type ExperimentContext } from './experiment.ts';
import { factorsOf } from './factors.ts';
import { accuracyBlocks } from './report/accuracy-blocks.ts';
import { accuracyClaims } from './report/accuracy-claims.ts';
import { acrossPlaces } from './report/across-places.ts';
import { placeOf } from './report/wording.ts';
import type { Scale } from './scale.ts';
import { type AccuracyCase, AccuracyCaseSchema, type Served, serve } from './served.ts';
import { measureSweep } from './sweep.ts';
import type { Place } from './test-bed.ts';

/** The paper's bandwidth for its accuracies, Mbit/s. */
const mbps = 0.4;

/** Fig. 9 of the paper: the accuracy of each method at each deadline, negative where the deadline is missed. */
export const staticAccuracy = defineExperiment({
  name: 'static-accuracy',
  schema: Type.Object({ cases: Type.Array(AccuracyCaseSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: AccuracyCase[] = [];
    for (const place of context.scale.places) cases.push(await measureCase(context, place));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Static environment: accuracy',
    claims: acrossPlaces(cases.map((each) => ({ place: placeOf(each.sweep), claims: accuracyClaims(each) }))),
    blocks: cases.flatMap(accuracyBlocks),
  }),
});

/** What the device may do in service: what the paper has, and all. */
const services: readonly ({ name: string } & Pick<Policy, 'encodings' | 'directions'>)[] = [
  { name: 'in service, f32', encodings: ['f32'], directions: ['device-first'] },
  { name: 'in service, all', encodings: ['f32', 'f16', 'u8'], directions: ['device-first', 'edge-first'] },
];

async function measureCase(context: ExperimentContext, where: Scale['places'][number]): Promise<AccuracyCase> {
  const deadlines = context.scale.accuracyDeadlinesMs;
  const sweep = await measureSweep(
    context,
    where,
    deadlines.map((deadlineMs) => ({ mbps, deadlineMs })),
  );
  const place: Place = { model: where.model, factors: await factorsOf(context, where.setting, where.model) };
  const served: Served[] = [];
  for (const { name, ...allowed } of services) {
    for (const deadlineMs of deadlines) {
      served.push({ name, deadlineMs, ...(await serve(context, place, mbps, { deadlineMs, ...allowed })) });
    }
  }
  return { sweep, served };
}
