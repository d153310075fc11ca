import { type Static, Type } from 'typebox';
import { defineExperiment, type ExperimentContext } from './experiment.ts';
import { factorsOf, profileOf } from './factors.ts';
import { openModel } from './models.ts';
import { acrossPlaces } from './report/across-places.ts';
import type { Block, Claim } from './report/document.ts';
import { reasonFor } from './report/reason.ts';
import { comparedWith, fixed, percent, seconds } from './report/wording.ts';
import { settings as allSettings, type ModelName } from './settings.ts';

const LayerSchema = Type.Object({
  name: Type.String(),
  type: Type.String(),
  outputBytes: Type.Integer(),
  /** Median on this machine, ms. */
  ownMs: Type.Number(),
});

const CaseSchema = Type.Object({
  model: Type.String(),
  exit: Type.String(),
  /** What a call of the runtime costs apart from its layers, in every layer's own time, ms. */
  perCallOverheadMs: Type.Number(),
  /** The whole branch as one piece, ms. */
  wholeMs: Type.Number(),
  inputBytes: Type.Integer(),
  layers: Type.Array(LayerSchema, { minItems: 1 }),
  settings: Type.Array(Type.Object({ name: Type.String(), device: Type.Number(), worker: Type.Number() }), {
    minItems: 1,
  }),
});
type Case = Static<typeof CaseSchema>;

/** Fig. 3 of the paper: runtime and output size of each layer of the deepest exit, on the device and on the worker. */
export const layers = defineExperiment({
  name: 'layers',
  schema: Type.Object({ cases: Type.Array(CaseSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: Case[] = [];
    for (const model of context.scale.models) cases.push(await measureCase(context, model));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Fig. 3: runtime and output size of each layer',
    claims: acrossPlaces(cases.map((each) => ({ place: each.model, claims: [heterogeneityClaim(each)] }))),
    blocks: cases.flatMap(caseBlocks),
  }),
});

async function measureCase(context: ExperimentContext, model: ModelName): Promise<Case> {
  const { exits, perCallOverheadMs } = await profileOf(context, model);
  const { inputs } = (await openModel(model)).description;
  const deepest = exits.at(-1);
  const settings: Case['settings'] = [];
  for (const { setting } of context.scale.places.filter((place) => place.model === model)) {
    settings.push({ name: setting, ...(await factorsOf(context, setting, model)) });
  }
  return {
    model,
    exit: deepest?.name ?? '',
    perCallOverheadMs,
    wholeMs: deepest?.head.at(-1)?.medianMs ?? 0,
    inputBytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    layers: (deepest?.layers ?? []).map(({ name, type, outputBytes, timing }) => {
      return { name, type, outputBytes, ownMs: timing.medianMs };
    }),
    settings,
  };
}

/** A layer's own time without the call of the runtime that running it alone takes. */
function computeMs({ perCallOverheadMs }: Case, { ownMs }: Case['layers'][number]): number {
  return Math.max(0, ownMs - perCallOverheadMs);
}

function heterogeneityClaim(measured: Case): Claim {
  const slowest = greatest(measured.layers, (layer) => computeMs(measured, layer));
  const largest = greatest(measured.layers, ({ outputBytes }) => outputBytes);
  const firstSmaller = measured.layers.find(({ outputBytes }) => outputBytes < measured.inputBytes);
  const total = sumMs(measured);
  const verdict = slowest.name === largest.name ? 'holds not' : 'holds';
  const share = (layer: Case['layers'][number]): string => percent(computeMs(measured, layer) / total);
  return {
    statement: 'layers differ in runtime and in output size, and not alike: where to cut is a question',
    paper: 'a figure without numbers',
    ours:
      `longest ${slowest.name} (${share(slowest)} of the time, ${slowest.outputBytes} bytes out), largest output ` +
      `${largest.name} (${share(largest)}, ${largest.outputBytes} bytes)`,
    verdict,
    reason: reasonFor(verdict, [`${slowest.name}, the longest and the largest`], {
      holds:
        'Convolutions multiply and widen, pooling shrinks what is passed on, fully connected layers condense it: the first ' +
        `layer whose output is smaller than the input of ${measured.inputBytes} bytes is ${firstSmaller?.name ?? 'none'}.`,
      holdsNot:
        'What a layer takes and what it passes on go together here: the cut that sends least also computes least.',
    }),
    emulation: 'processors by a factor on times measured here; no link',
  };
}

function caseBlocks(measured: Case): Block[] {
  const { model, exit, layers: all, settings, perCallOverheadMs, wholeMs, inputBytes } = measured;
  const sum = sumMs(measured);
  const sides = settings.flatMap(({ name, device, worker }) => [
    { title: `device, “${name}”, ms`, factor: device },
    { title: `worker, “${name}”, ms`, factor: worker },
  ]);
  return [
    {
      kind: 'paragraph',
      text:
        `${model}, ${exit}. Each layer was run alone on this machine and its median multiplied by the factor of the ` +
        `side; ${fixed(perCallOverheadMs, 3)} ms that every call of the runtime costs were taken off. Together the ` +
        `layers take ${fixed(sum, 2)} ms, the branch run as one piece ${fixed(wholeMs, 2)} ms, ` +
        `${comparedWith(wholeMs, sum)} they do; in one piece the runtime fuses layers that follow each other. ` +
        `The input has ${inputBytes} bytes.`,
    },
    {
      kind: 'table',
      head: ['layer', 'type', 'output, bytes', ...sides.map(({ title }) => title)],
      numeric: [2, ...sides.map((_, index) => index + 3)],
      rows: all.map((layer) => [
        layer.name,
        layer.type,
        String(layer.outputBytes),
        ...sides.map(({ factor }) => fixed(factor * computeMs(measured, layer), 2)),
      ]),
    },
    ...settings.flatMap((factors) => sumParagraph(measured, factors)),
    picture(measured, 'device'),
    picture(measured, 'worker'),
  ];
}

/** @returns for a setting that asks for a time what the table's column and the branch take, and what the factor comes from */
function sumParagraph(measured: Case, { name, device }: Case['settings'][number]): Block[] {
  const wanted = allSettings.find((setting) => setting.name === name)?.device ?? { factor: device };
  if ('factor' in wanted) return [];
  const { layers: all, perCallOverheadMs, wholeMs } = measured;
  const sum = sumMs(measured);
  const calls = all.length * perCallOverheadMs;
  const leastMs = wanted.wholeMs / device;
  const slowed = (ms: number): string => seconds(device * ms);
  return [
    {
      kind: 'paragraph',
      text:
        `On the device of “${name}”, where the deepest exit is to take ${seconds(wanted.wholeMs)}, the column adds up to ` +
        `${slowed(sum)}: single layers, ${fixed(sum, 3)} ms without their ${all.length} calls of ` +
        `${fixed(perCallOverheadMs, 3)} ms (${fixed(calls, 3)} ms, which would be ${slowed(calls)} on top, times ${device}), ` +
        `between which every tensor passes through memory. The branch in one piece takes ${fixed(wholeMs, 3)} ms, ` +
        `${comparedWith(wholeMs, sum)} they do, times ${device} ${slowed(wholeMs)}: that is what plans are predicted from ` +
        `before anything was run. It is a median. The factor was chosen by the least time of the branch, ` +
        `${fixed(leastMs, 3)} ms, ${comparedWith(leastMs, wholeMs)} that median` +
        (isMore(leastMs, wholeMs) ? ', for the machine was slower when it was timed for the factor' : '') +
        ': an emulated run lasts as many times the least that its segment was seen to take, which other work of the machine ' +
        'does not lengthen. What frames took, and what the device predicted with its corrections, is device-only in the ' +
        'chapter on motivation.',
    },
  ];
}

function sumMs(measured: Case): number {
  return measured.layers.reduce((total, layer) => total + computeMs(measured, layer), 0);
}

/** As it is shown. */
function isMore(value: number, other: number): boolean {
  return comparedWith(value, other).endsWith('more than');
}

function picture(measured: Case, side: 'device' | 'worker'): Block {
  const { model, layers: all, settings } = measured;
  const { name, ...factors } = settings[0] ?? { name: '', device: 1, worker: 1 };
  return {
    kind: 'picture',
    name: `layers-${side}-${model}`,
    alt: `Runtime of each layer of ${model} on the ${side}, setting ${name}, and size of its output`,
    picture: {
      kind: 'bars',
      chart: {
        title: `Layers on the ${side}: runtime and size of output`,
        subtitle: `${model}, setting “${name}”`,
        categories: all.map((layer) => layer.name),
        y: { label: 'runtime in ms', min: 0 },
        series: [{ name: 'runtime', values: all.map((layer) => factors[side] * computeMs(measured, layer)) }],
        right: {
          y: { label: 'output in KiB', min: 0 },
          series: [{ name: 'output size', values: all.map(({ outputBytes }) => outputBytes / 1024) }],
        },
      },
    },
  };
}

function greatest(all: Case['layers'], by: (layer: Case['layers'][number]) => number): Case['layers'][number] {
  return all.reduce((best, layer) => (by(layer) > by(best) ? layer : best));
}
