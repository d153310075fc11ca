import { type Static, Type } from 'typebox';
import type { Plan } from '../../shared/planner/plan.ts';
import { transferMs } from '../../shared/planner/wire-bytes.ts';
import { defineExperiment, type ExperimentContext } from './experiment.ts';
import { factorsOf } from './factors.ts';
import { measurePlan } from './measure-plan.ts';
import { MeasuredFramesSchema } from './measured-frames.ts';
import { openModel } from './models.ts';
import { acrossPlaces } from './report/across-places.ts';
import type { Block, Claim } from './report/document.ts';
import { reasonFor } from './report/reason.ts';
import { emulationOf, fixed, percent, placeOf, seconds } from './report/wording.ts';
import type { Scale } from './scale.ts';
import { EmulationSchema } from './settings.ts';
import { linkRttMs } from './test-bed.ts';

const CaseSchema = Type.Object({
  setting: Type.String(),
  model: Type.String(),
  emulation: EmulationSchema,
  inputBytes: Type.Integer(),
  deviceOnly: MeasuredFramesSchema,
  edgeOnly: Type.Array(Type.Object({ mbps: Type.Number(), measured: MeasuredFramesSchema }), { minItems: 1 }),
  /** Rates at which the input alone takes too long to be measured, Mbit/s. */
  leftOutMbps: Type.Array(Type.Number()),
});
type Case = Static<typeof CaseSchema>;

/** The paper's motivation: how long inference takes that leaves all to the edge, as bandwidth falls. */
export const motivation = defineExperiment({
  name: 'motivation',
  schema: Type.Object({ cases: Type.Array(CaseSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: Case[] = [];
    for (const place of context.scale.places) cases.push(await measureCase(context, place));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Motivation: edge-only inference as bandwidth falls',
    claims: acrossPlaces(cases.map((each) => ({ place: placeOf(each), claims: [growthClaim(each)] }))),
    blocks: cases.flatMap(caseBlocks),
  }),
});

async function measureCase(context: ExperimentContext, { setting, model }: Scale['places'][number]): Promise<Case> {
  const { fallingMbps, longestTransferMs } = context.scale;
  const factors = await factorsOf(context, setting, model);
  const { branches, inputs } = (await openModel(model)).description;
  const inputBytes = inputs.reduce((sum, { bytes }) => sum + bytes, 0);
  const measure = (partition: number, mbps: number): Promise<Case['deviceOnly']> => {
    const plan: Plan = { exit: branches.length, partition, direction: 'device-first', encoding: 'f32' };
    return measurePlan(context, { place: { model, factors }, plan, mbps });
  };
  const isMeasured = (mbps: number): boolean => transferMs(inputBytes, mbps) <= longestTransferMs;
  const edgeOnly: Case['edgeOnly'] = [];
  for (const mbps of fallingMbps.filter(isMeasured)) edgeOnly.push({ mbps, measured: await measure(0, mbps) });
  const deviceOnly = await measure(branches.at(-1)?.layers.length ?? 0, fallingMbps[0] ?? 1);
  return {
    setting,
    model,
    emulation: { ...factors, rttMs: linkRttMs },
    inputBytes,
    deviceOnly,
    edgeOnly,
    leftOutMbps: fallingMbps.filter((mbps) => !isMeasured(mbps)),
  };
}

/** Latencies that the paper gives, and the rates it gives them for. */
const paper = { fastMbps: 1, fastMs: 123, slowMbps: 0.05, slowMs: 2317 };
/** Between the paper's two figures lies a factor of 19: what grows by half of that bears the statement out. */
const leastGrowth = paper.slowMs / paper.fastMs / 2;

function growthClaim({ edgeOnly, emulation, inputBytes }: Case): Claim {
  const at = (mbps: number) => edgeOnly.find((point) => point.mbps === mbps)?.measured;
  const [fast, slow] = [at(paper.fastMbps), at(paper.slowMbps)];
  const about = {
    statement: 'edge-only latency grows by an order of magnitude as bandwidth falls from 1 Mbit/s to 50 kbit/s',
    paper: `${seconds(paper.fastMs)} → ${seconds(paper.slowMs)}`,
    emulation: emulationOf(emulation),
  };
  if (fast === undefined || slow === undefined) {
    return { ...about, ours: '–', verdict: 'not measured', reason: 'One of the two rates was left out.' };
  }
  const growth = slow.latencyMs.median / fast.latencyMs.median;
  const onTheLink = (slow.breakdownMs.upload + slow.breakdownMs.download) / slow.latencyMs.median;
  const verdict = growth >= leastGrowth ? 'holds' : 'holds not';
  return {
    ...about,
    ours: `${seconds(fast.latencyMs.median)} → ${seconds(slow.latencyMs.median)}`,
    verdict,
    reason: reasonFor(verdict, [`${fixed(growth, 1)} times, ${fixed(leastGrowth, 1)} are asked for`], {
      holds:
        `The input of ${inputBytes} bytes is always sent whole, so that its time on the link is inverse to the rate: ` +
        `at the lowest rate ${percent(onTheLink)} of the latency, which has grown ${fixed(growth, 1)} times.`,
      holdsNot:
        `Of the latency at the lowest rate ${percent(onTheLink)} are the link’s; what does not depend on the rate is so much ` +
        `of it at ${paper.fastMbps} Mbit/s already that it grows less.`,
    }),
  };
}

function caseBlocks(measured: Case): Block[] {
  const { setting, model, emulation, deviceOnly, edgeOnly, leftOutMbps } = measured;
  const rows = edgeOnly.map(({ mbps, measured: { latencyMs, breakdownMs, predictedMs } }) => [
    String(mbps),
    seconds(latencyMs.median),
    `${seconds(latencyMs.least)} – ${seconds(latencyMs.greatest)}`,
    seconds(predictedMs),
    seconds(breakdownMs.upload),
    seconds(breakdownMs.worker),
    seconds(deviceOnly.latencyMs.median),
  ]);
  const rising = edgeOnly.toReversed();
  const head = ['Mbit/s', 'edge-only', 'least – greatest', 'predicted', 'upload', 'worker', 'device-only'];
  const leftOut =
    leftOutMbps.length === 0 ? '' : ` Left out, for the transfer alone is too long: ${leftOutMbps.join(', ')}.`;
  return [
    {
      kind: 'paragraph',
      text:
        `${model}, setting “${setting}”: ${emulationOf(emulation)}. Medians of ${deviceOnly.frames} frames; device-only ` +
        `does not depend on the link and is measured once, ${seconds(deviceOnly.latencyMs.median)} where the device had ` +
        `predicted ${seconds(deviceOnly.predictedMs)}.${leftOut}`,
    },
    { kind: 'table', head, numeric: head.map((_, column) => column), rows },
    {
      kind: 'picture',
      name: `motivation-${setting}-${model}`,
      alt: `Latency of edge-only and device-only inference over bandwidth, ${model}, setting ${setting}`,
      picture: {
        kind: 'lines',
        chart: {
          title: 'Edge-only latency',
          subtitle: `${model}, setting “${setting}”`,
          x: { label: 'bandwidth in Mbit/s', scale: 'log' },
          y: { label: 'latency in ms', min: 0 },
          series: [
            {
              name: 'edge-only',
              points: rising.map((point) => [point.mbps, point.measured.latencyMs.median]),
              marked: true,
            },
            {
              name: 'device-only',
              points: rising.map(({ mbps }) => [mbps, deviceOnly.latencyMs.median]),
              dashed: true,
            },
          ],
        },
      },
    },
  ];
}
