import type { Block } from '../../report/document.ts';
import { emulationOf, fixed, percent } from '../../report/wording.ts';
import type { DynamicCase, DynamicData, SetResult, Timeline } from '../data.ts';
import { plainShare } from '../deadline-search.ts';
import { dynamicMethods } from '../methods/methods.ts';
import { oracle } from '../methods/oracle.ts';
import { quantile } from '../summary.ts';
import { shortTable, trialTable } from './deadline-tables.ts';

type ObjectiveResult = SetResult['objectives'][number];

export function dynamicBlocks(data: DynamicData): Block[] {
  return [introduction(data), ...data.cases.flatMap(caseBlocks)];
}

function introduction({ belgianScale, stateCount, seed, ...data }: DynamicData): Block {
  const { rateVariation, mappings } = data;
  const states = mappings.map(({ objective, planningShare, riseMargin }) => {
    const rate =
      planningShare === null
        ? 'at its mean rate'
        : `at the rate that ${percent(planningShare)} of its samples fall short of`;
    return `objective ${objective} plans for a state ${rate} and enters a faster one from ${percent(riseMargin)} above its begin`;
  });
  const methods = dynamicMethods.map(({ name, about }) => `“${name}”: ${about}`).join('. ');
  return {
    kind: 'paragraph',
    text:
      `The Belgian 4G/LTE logs, every rate times ${belgianScale} so that they lie between 0 and 10 Mbit/s, and the Oboe traces as ` +
      'they are, replayed in virtual time: each frame takes the measured times of its segments, and its bytes leave as the ' +
      'trace carries them at that moment, the same rate up and down. A device learns its link from its own uploads, late ' +
      'replies and replies that do not come, and where it sends nothing from a probe as often as the device agent sends one. ' +
      `A measured rate varies by ${percent(rateVariation)}, what the device runs by as much as was measured (coefficients of ` +
      `variation, log-normal, seed ${seed}), of which it knows the 99th percentile, and for how long its thread is still busy. The ${stateCount} states of a map come of those traces of the set that are not ` +
      `replayed with it: every second one for the others; ${states.join(', ')}. All but the last ` +
      `four methods fall back to a local exit as the device does. Methods: ${methods}.`,
  };
}

function caseBlocks(measured: DynamicCase): Block[] {
  return [
    caseParagraph(measured),
    trialTable(measured),
    ...shortTable(measured),
    ...measured.sets.flatMap((set) => set.objectives.flatMap((result) => resultBlocks(measured, set, result))),
    ...variantTable(measured),
    ...sampleTable(measured),
  ];
}

function caseParagraph({ model, setting, about, allowed, emulation, rttMs, ...times }: DynamicCase): Block {
  const plans = allowed === 'f32' ? 'f32 and device-first alone, as the paper' : 'all encodings and directions';
  return {
    kind: 'paragraph',
    text:
      `${model}, setting “${setting}” (${about}), ${plans}: ${emulationOf(emulation)}; ${fixed(rttMs, 1)} ms were measured. ` +
      `Exit 1 takes ${fixed(times.exit1P99Ms, 0)} ms on the device (p99), where times vary by ${percent(times.deviceVariation)}. The deadline is ${fixed(times.deadlineMs, 0)} ms, the first ` +
      `of the table at which always local and always edge stay below ${percent(plainShare)} of the oracle, else the shortest; a ` +
      `frame comes every ${times.periodMs} ms, when all that the frame before began on the device has ended.`,
  };
}

function resultBlocks(measured: DynamicCase, set: SetResult, result: ObjectiveResult): Block[] {
  const { objective, methods, timeline } = result;
  const about = `${set.name}, objective ${objective}, ${measured.model}, “${measured.setting}”, ${measured.allowed}`;
  const name = `dynamic-${measured.setting}-${measured.model}-${measured.allowed}-${set.name}-${objective}`;
  return [
    {
      kind: 'paragraph',
      text: `${about}: ${set.traces} traces of ${set.seconds} s together, ${fixed(set.meanMbps, 2)} Mbit/s in the mean.`,
    },
    summaryTable(methods),
    distribution(methods, {
      name,
      title: 'Distribution of throughput',
      about,
      label: '1 / T, frames a second',
      part: 'throughput',
    }),
    distribution(methods, { name, title: 'Distribution of reward', about, label: 'reward of a frame', part: 'reward' }),
    ...(timeline === null ? [] : timelinePictures(name, about, timeline)),
  ];
}

function summaryTable(methods: ObjectiveResult['methods']): Block {
  const best = methods.find(({ name }) => name === oracle.name)?.accuracyIfMet ?? 1;
  const percentiles = [0.2, 0.4, 0.6, 0.8];
  return {
    kind: 'table',
    head: [
      'method',
      'frames',
      'met',
      'fell back',
      'accuracy if met, else 0',
      'of the oracle',
      'mean reward',
      'switches in 1,000 frames',
      ...percentiles.map((share) => `throughput, p${fixed(100 * share, 0)}`),
    ],
    numeric: Array.from({ length: 7 + percentiles.length }, (_, i) => i + 1),
    rows: methods.map(({ name, frames, met, fellBack, switches, accuracyIfMet, meanReward, throughput }) => [
      name,
      String(frames),
      `${fixed((100 * met) / frames, 2)} %`,
      percent(fellBack / frames),
      fixed(accuracyIfMet, 4),
      percent(accuracyIfMet / best),
      fixed(meanReward, 3),
      fixed((1000 * switches) / frames, 1),
      ...percentiles.map((share) => fixed(quantile(throughput, share), 1)),
    ]),
  };
}

interface Distribution {
  name: string;
  title: string;
  /** Where it was replayed. */
  about: string;
  label: string;
  part: 'throughput' | 'reward';
}

function distribution(methods: ObjectiveResult['methods'], { name, title, about, label, part }: Distribution): Block {
  return {
    kind: 'picture',
    name: `${name}-${part}`,
    alt: `${title}, ${about}`,
    picture: {
      kind: 'distribution',
      chart: {
        title,
        subtitle: about,
        x: { label },
        series: methods.map((method) => ({
          name: method.name,
          values: method[part],
          dashed: method.name.startsWith('always') || method.name === oracle.name,
        })),
      },
    },
  };
}

function timelinePictures(name: string, about: string, timeline: Timeline): Block[] {
  const { trace, atS, bandwidthMbps, plans, methods } = timeline;
  const over = (values: readonly number[]): (readonly [number, number])[] =>
    values.map((value, index) => [atS[index] ?? 0, value] as const);
  const picture = (
    part: string,
    label: string,
    series: { name: string; values: readonly number[] }[],
    steps?: string[],
  ): Block => ({
    kind: 'picture',
    name: `${name}-${part}`,
    alt: `${label} over time, trace ${trace}, ${about}`,
    picture: {
      kind: 'steps',
      chart: {
        title: `${label}, trace ${trace}`,
        subtitle: about,
        x: { label: 'time in s' },
        y: { label, min: 0 },
        ...(steps === undefined ? {} : { steps }),
        series: series.map((each) => ({ name: each.name, points: over(each.values) })),
      },
    },
  });
  const parts = (part: 'plan' | 'throughput' | 'reward') =>
    methods.map((method) => ({ name: method.name, values: method[part] }));
  return [
    picture('bandwidth', 'bandwidth in Mbit/s', [{ name: trace, values: bandwidthMbps }]),
    picture('plans', 'plan', parts('plan'), plans),
    picture('throughput-over-time', '1 / T, frames a second', parts('throughput')),
    picture('reward-over-time', 'reward of a frame', parts('reward')),
  ];
}

function variantTable({ variants }: DynamicCase): Block[] {
  if (variants.length === 0) return [];
  return [
    { kind: 'paragraph', text: 'The method “dynamic” once more, with one thing being another than above:' },
    {
      kind: 'table',
      head: [
        'what is other',
        'traces',
        'objective',
        'frames',
        'met',
        'fell back',
        'accuracy if met',
        'throughput, p60',
      ],
      numeric: [3, 4, 5, 6, 7],
      rows: variants.map(
        ({ variant, set, objective, summary: { frames, met, fellBack, accuracyIfMet, throughput } }) => [
          variant,
          set,
          objective,
          String(frames),
          `${fixed((100 * met) / frames, 2)} %`,
          percent(fellBack / frames),
          fixed(accuracyIfMet, 4),
          fixed(quantile(throughput, 0.6), 1),
        ],
      ),
    },
  ];
}

/** @returns how far the device that the samples were run on is from its profile; empty where that was not measured */
function timedSentence(samples: DynamicCase['samples']): string {
  const off = samples.flatMap(({ device = [] }) =>
    device.map(({ profiledMs, measuredMs }) => measuredMs / profiledMs - 1),
  );
  if (off.length === 0) return '';
  return (
    ' An emulated segment lasts as long as it took when it was loaded, so that the device was timed before each trace, every ' +
    `exit and every plan of the map: it took ${percent(Math.min(...off))} to ${percent(Math.max(...off))} more than by its ` +
    'profile. Virtual time has these times.'
  );
}

function sampleTable({ samples }: DynamicCase): Block[] {
  if (samples.length === 0) return [];
  return [
    {
      kind: 'paragraph',
      text:
        'A sample in real time, with real inference over a link that is shaped along the trace, dynamic configurator, ' +
        'objective accuracy; beside it the same part of the trace in virtual time with the states that the control plane ' +
        `builds its maps for.${timedSentence(samples)}`,
    },
    {
      kind: 'table',
      head: [
        'trace',
        's',
        'a frame every, ms',
        'frames',
        'met',
        'fell back',
        'accuracy if met',
        'frames a second',
        'virtual',
        'apart',
      ],
      numeric: [1, 2, 3, 4, 5, 6, 7, 8, 9],
      rows: samples.map(({ trace, seconds, periodMs, real, virtual }) => [
        trace,
        String(seconds),
        String(periodMs),
        `${real.frames} (${virtual.frames})`,
        `${real.met} (${virtual.met})`,
        `${real.fellBack} (${virtual.fellBack})`,
        `${fixed(real.accuracyIfMet, 4)} (${fixed(virtual.accuracyIfMet, 4)})`,
        fixed(real.throughput, 2),
        fixed(virtual.throughput, 2),
        percent(virtual.throughput / real.throughput - 1),
      ]),
    },
  ];
}
