import { Type } from 'typebox';
import { defineExperiment } from './experiment.ts';
import { product, productF32 } from './methods/product.ts';
import { acrossPlaces } from './report/across-places.ts';
import type { Claim } from './report/document.ts';
import { selectionTable, sweepIntroduction, sweepPicture, timesTable } from './report/sweep-blocks.ts';
import { depthClaim, inTimeClaim } from './report/sweep-claims.ts';
import { placeOf } from './report/wording.ts';
import { measureSweep, type Sweep, SweepSchema } from './sweep.ts';

/** The paper's deadline for its bandwidths, ms. */
const deadlineMs = 1000;

/** Fig. 8 (a), (b) of the paper: what is selected at which bandwidth, and what it takes. */
export const staticBandwidth = defineExperiment({
  name: 'static-bandwidth',
  schema: Type.Object({ cases: Type.Array(SweepSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: Sweep[] = [];
    const points = context.scale.risingMbps.map((mbps) => ({ mbps, deadlineMs }));
    for (const place of context.scale.places) cases.push(await measureSweep(context, place, points));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Static environment: bandwidth',
    claims: acrossPlaces(cases.map((sweep) => ({ place: placeOf(sweep), claims: claimsOf(sweep) }))),
    blocks: cases.flatMap((sweep) => [
      sweepIntroduction(sweep),
      selectionTable(sweep, { head: 'Mbit/s', of: ({ mbps }) => String(mbps) }),
      timesTable(sweep, { head: 'Mbit/s', of: ({ mbps }) => String(mbps) }),
      sweepPicture(sweep, {
        name: 'static-bandwidth',
        title: 'Latency over bandwidth',
        xLabel: 'bandwidth, Mbit/s',
        of: ({ mbps }) => mbps,
      }),
    ]),
  }),
});

/** Once with what the paper has, once with all. */
const products = [productF32, product];

const byBandwidth = {
  statement: 'more bandwidth never makes the selected exit shallower',
  paper: 'exits rise with bandwidth',
  holds:
    'A faster link makes every plan that sends something faster and slows none down: what was in time stays in time.',
  at: ({ mbps }: Sweep['points'][number]): string => `${mbps} Mbit/s`,
};

function claimsOf(sweep: Sweep): Claim[] {
  return products.flatMap((method) => [depthClaim(sweep, method, byBandwidth), inTimeClaim(sweep, method)]);
}
