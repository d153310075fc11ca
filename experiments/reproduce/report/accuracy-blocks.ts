import { baselines } from '../methods/methods.ts';
import { product, productF32 } from '../methods/product.ts';
import type { AccuracyCase } from '../served.ts';
import type { Sweep } from '../sweep.ts';
import type { Block, Claim } from './document.ts';
import { selectionTable, sweepIntroduction, timesTable } from './sweep-blocks.ts';
import { emulationOf, fixed } from './wording.ts';

/** Scores this close are equal: they are shown with three digits. */
const tolerance = 5e-4;

/** One method's scores, of each deadline of the sweep; null where it was not run. */
interface Scores {
  name: string;
  values: readonly (number | null)[];
}

export function accuracyClaims(measured: AccuracyCase): Claim[] {
  const { sweep } = measured;
  const all = scoresOf(measured);
  const names = baselines.map(({ name }) => name);
  const others = all.filter(({ name }) => ![product.name, productF32.name, inService].includes(name));
  const about = { emulation: emulationOf(sweep.emulation) };
  return [
    {
      ...about,
      ...compare(
        sweep,
        find(all, productF32.name),
        all.filter(({ name }) => names.includes(name)),
      ),
      statement: 'Edgent (f32, device-first) is at every deadline at least as accurate as each method with one knob',
      paper: 'Edgent is highest at every deadline, the others negative where they miss it',
      reason: 'It chooses among all of their plans, and a shallow exit in time is worth more than a deep one too late.',
    },
    {
      ...about,
      ...compare(sweep, find(all, inService), others),
      statement:
        'this product, planning by itself in service, is at every deadline at least as accurate as every other method',
      paper: 'not part of it',
      reason:
        'With u8 a cut is a quarter as large, so that deep exits are in time earlier; a reply that is late is replaced by an ' +
        'exit on the device where that is in time.',
    },
  ];
}

export function accuracyBlocks(measured: AccuracyCase): Block[] {
  const { sweep } = measured;
  const { model, setting, points } = sweep;
  const all = scoresOf(measured);
  const row = { head: 'deadline, ms', of: ({ deadlineMs }: Sweep['points'][number]) => String(deadlineMs) };
  return [
    sweepIntroduction(sweep),
    {
      kind: 'paragraph',
      text:
        'A frame counts with the accuracy of the exit that it was finished on, as its encoding leaves it, and negative where ' +
        'it is late, as in the paper; the table has the means. “in service”: the device itself planned, on the bandwidth that ' +
        'it measured, and fell back where a reply was late.',
    },
    {
      kind: 'table',
      head: [row.head, ...all.map(({ name }) => name)],
      numeric: all.map((_, index) => index + 1),
      rows: points.map((point, index) => [
        row.of(point),
        ...all.map(({ values }) => {
          const value = values[index] ?? null;
          return value === null ? '–' : fixed(value, 3);
        }),
      ]),
    },
    selectionTable(sweep, row),
    timesTable(sweep, row),
    {
      kind: 'picture',
      name: `static-accuracy-${setting}-${model}`,
      alt: `Accuracy of each method at each deadline, negative where it is missed, ${model}, setting ${setting}`,
      picture: {
        kind: 'bars',
        chart: {
          title: `Accuracy, negative where the deadline is missed, ${model}, setting “${setting}”`,
          categories: points.map(row.of),
          categoryLabel: 'deadline in ms',
          y: { label: 'accuracy', min: -1, max: 1 },
          series: all.map(({ name, values }) => ({ name, values: [...values] })),
        },
      },
    },
  ];
}

const inService = 'in service, all';

/** Of every method of the sweep, and of the device in service. */
function scoresOf({ sweep, served }: AccuracyCase): Scores[] {
  const chosen = sweep.methods.map(({ name }) => ({
    name,
    values: sweep.points.map(({ deadlineMs, outcomes }) => {
      const outcome = outcomes.find(({ method }) => method === name);
      if (outcome?.selection == null) return -1;
      const { accuracy } = outcome.selection;
      const latencies = outcome.measured?.latenciesMs;
      return latencies === undefined ? null : mean(latencies.map((ms) => (ms <= deadlineMs ? accuracy : -accuracy)));
    }),
  }));
  const names = [...new Set(served.map(({ name }) => name))];
  const inPractice = names.map((name) => ({
    name,
    values: sweep.points.map(({ deadlineMs }) => {
      const run = served.find((each) => each.name === name && each.deadlineMs === deadlineMs);
      return run === undefined ? null : mean(run.frames.map(({ accuracy, met }) => (met ? accuracy : -accuracy)));
    }),
  }));
  return [...chosen, ...inPractice];
}

function find(all: readonly Scores[], name: string): Scores {
  return all.find((scores) => scores.name === name) ?? { name, values: [] };
}

function compare({ points }: Sweep, ours: Scores, others: readonly Scores[]): Pick<Claim, 'ours' | 'verdict'> {
  const short = points.flatMap(({ deadlineMs }, index) => {
    const own = ours.values[index] ?? -1;
    const better = others.filter(({ values }) => (values[index] ?? -1) > own + tolerance);
    return better.map(({ name }) => `${name} at ${deadlineMs} ms`);
  });
  const list = ours.values.map((value) => (value === null ? '–' : fixed(value, 3))).join(', ');
  return {
    ours: short.length === 0 ? list : `${list}; less than ${short.join(', ')}`,
    verdict: short.length === 0 ? 'holds' : 'holds not',
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
