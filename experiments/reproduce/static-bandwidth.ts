import { Type } from 'typebox';
import { defineExperiment } from './experiment.ts';
import type { Method } from './methods/method.ts';
import { baselines } from './methods/methods.ts';
import { product, productF32 } from './methods/product.ts';
import type { Claim } from './report/document.ts';
import { exitsRise, selectionTable, sweepIntroduction, sweepPicture, timesTable } from './report/sweep-blocks.ts';
import { emulationOf } from './report/wording.ts';
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
    claims: cases.slice(0, 1).flatMap((sweep) => [depthClaim(sweep), inTimeClaim(sweep)]),
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

function depthClaim(sweep: Sweep): Claim {
  const told = [productF32, product].map((method) => exitsRise(sweep, method));
  return {
    statement: 'more bandwidth never makes the selected exit shallower',
    paper: 'exits rise with bandwidth',
    ours: told.map(({ text }) => text).join('; '),
    verdict: told.every(({ rises }) => rises) ? 'holds' : 'holds not',
    reason:
      'A faster link makes every plan that sends something faster and slows none down: what was in time stays in time.',
    emulation: emulationOf(sweep.emulation),
  };
}

function inTimeClaim(sweep: Sweep): Claim {
  const isInTime = (point: Sweep['points'][number], method: Method): boolean => {
    const measured = outcomeAt(point, method)?.measured;
    return measured != null && measured.latencyMs.median <= point.deadlineMs;
  };
  const due = sweep.points.filter((point) => baselines.some((method) => isInTime(point, method)));
  const failed = due.filter((point) => !isInTime(point, productF32));
  const places = failed.map(({ mbps }) => `${mbps} Mbit/s`).join(', ');
  return {
    statement: 'Edgent meets the deadline wherever one of the methods with one knob does',
    paper: 'Edgent’s latency stays within the requirement',
    ours: `${due.length - failed.length} of ${due.length} bandwidths${failed.length === 0 ? '' : `, not at ${places}`}`,
    verdict: failed.length === 0 ? 'holds' : 'holds not',
    reason: 'Each method with one knob chooses among a part of Edgent’s plans.',
    emulation: emulationOf(sweep.emulation),
  };
}
