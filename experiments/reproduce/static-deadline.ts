import { Type } from 'typebox';
import { defineExperiment } from './experiment.ts';
import { product, productF32 } from './methods/product.ts';
import { acrossPlaces } from './report/across-places.ts';
import { selectionTable, sweepIntroduction, sweepPicture, timesTable } from './report/sweep-blocks.ts';
import { depthClaim } from './report/sweep-claims.ts';
import { placeOf } from './report/wording.ts';
import { measureSweep, type Sweep, SweepSchema } from './sweep.ts';

/** The paper's bandwidth for its deadlines, Mbit/s. */
const mbps = 0.5;

/** Fig. 8 (c) of the paper: what is selected at which deadline. */
export const staticDeadline = defineExperiment({
  name: 'static-deadline',
  schema: Type.Object({ cases: Type.Array(SweepSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: Sweep[] = [];
    const points = context.scale.deadlinesMs.map((deadlineMs) => ({ mbps, deadlineMs }));
    for (const place of context.scale.places) cases.push(await measureSweep(context, place, points));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Static environment: deadline',
    claims: acrossPlaces(
      cases.map((sweep) => ({
        place: placeOf(sweep),
        claims: [productF32, product].map((method) => depthClaim(sweep, method, byDeadline)),
      })),
    ),
    blocks: cases.flatMap((sweep) => [
      sweepIntroduction(sweep),
      selectionTable(sweep, { head: 'deadline, ms', of: ({ deadlineMs }) => String(deadlineMs) }),
      timesTable(sweep, { head: 'deadline, ms', of: ({ deadlineMs }) => String(deadlineMs) }),
      sweepPicture(sweep, {
        name: 'static-deadline',
        title: 'Latency over deadline',
        xLabel: 'deadline, ms',
        of: ({ deadlineMs }) => deadlineMs,
      }),
    ]),
  }),
});

const byDeadline = {
  statement: 'a longer deadline never makes the selected exit shallower',
  paper: 'exits rise with the latency requirement',
  holds: 'What is in time stays in time when there is more of it.',
  at: ({ deadlineMs }: Sweep['points'][number]): string => `${deadlineMs} ms`,
};
