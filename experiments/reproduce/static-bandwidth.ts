import { Type } from 'typebox';
import { defineExperiment } from './experiment.ts';
import type { Method } from './methods/method.ts';
import { baselines } from './methods/methods.ts';
import { product, productF32 } from './methods/product.ts';
import { acrossPlaces } from './report/across-places.ts';
import type { Claim } from './report/document.ts';
import { exitsRise, selectionTable, sweepIntroduction, sweepPicture, timesTable } from './report/sweep-blocks.ts';
import { emulationOf, placeOf } from './report/wording.ts';
import { measureSweep, outcomeAt, type Sweep, SweepSchema } from './sweep.ts';

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

function claimsOf(sweep: Sweep): Claim[] {
  return products.flatMap((method) => [depthClaim(sweep, method), inTimeClaim(sweep, method)]);
}

function depthClaim(sweep: Sweep, method: Method): Claim {
  const { rises, text } = exitsRise(sweep, method);
  return {
    statement: `${method.name}: more bandwidth never makes the selected exit shallower`,
    paper: 'exits rise with bandwidth',
    ours: text,
    verdict: rises ? 'holds' : 'holds not',
    reason:
      'A faster link makes every plan that sends something faster and slows none down: what was in time stays in time.',
    emulation: emulationOf(sweep.emulation),
  };
}

function inTimeClaim(sweep: Sweep, ours: Method): Claim {
  const isInTime = (point: Sweep['points'][number], method: Method): boolean => {
    const measured = outcomeAt(point, method)?.measured;
    return measured != null && measured.latencyMs.median <= point.deadlineMs;
  };
  const due = sweep.points.filter((point) => baselines.some((method) => isInTime(point, method)));
  const failed = due.filter((point) => !isInTime(point, ours));
  const places = failed.map(({ mbps }) => `${mbps} Mbit/s`).join(', ');
  return {
    statement: `${ours.name}: the deadline is met wherever one of the methods with one knob meets it`,
    paper: 'Edgent’s latency stays within the requirement',
    ours: `${due.length - failed.length} of ${due.length} bandwidths${failed.length === 0 ? '' : `, not at ${places}`}`,
    verdict: failed.length === 0 ? 'holds' : 'holds not',
    reason: 'Each method with one knob chooses among a part of Edgent’s plans.',
    emulation: emulationOf(sweep.emulation),
  };
}
