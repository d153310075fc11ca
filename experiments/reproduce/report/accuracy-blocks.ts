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
  scores: readonly (Score | null)[];
}

/** Of the frames of one point. */
interface Score {
  mean: number;
  /** Of `frames`. */
  late: number;
  frames: number;
}

/** With what the paper has and with all, chosen from costs and planning by itself in service. */
export function accuracyClaims(measured: AccuracyCase): Claim[] {
  const all = scoresOf(measured);
  const inService = [...new Set(measured.served.map(({ name }) => name))];
  const ours = [productF32.name, product.name, ...inService];
  const others = all.filter(({ name }) => !ours.includes(name));
  const withOneKnob = others.filter(({ name }) => baselines.some((method) => method.name === name));
  const about = { emulation: emulationOf(measured.sweep.emulation) };
  const chosen = [productF32.name, product.name].map(
    (name): Claim => ({
      ...about,
      ...compare(measured.sweep, find(all, name), withOneKnob),
      statement: `${name}: at every deadline at least as accurate as each method with one knob`,
      paper: 'Edgent is highest at every deadline, the others negative where they miss it',
      reason: 'It chooses among all of their plans, and a shallow exit in time is worth more than a deep one too late.',
    }),
  );
  const served = inService.map(
    (name): Claim => ({
      ...about,
      ...compare(measured.sweep, find(all, name), others),
      statement: `${name}: at every deadline at least as accurate as every other method`,
      paper: 'not part of it',
      reason:
        'With u8 a cut is a quarter as large, so that deep exits are in time earlier; a reply that is late is replaced by an ' +
        'exit on the device where that is in time.',
    }),
  );
  return [...chosen, ...served];
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
        ...all.map(({ scores }) => {
          const score = scores[index] ?? null;
          return score === null ? '–' : fixed(score.mean, 3);
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
          series: all.map(({ name, scores }) => ({ name, values: scores.map((score) => score?.mean ?? null) })),
        },
      },
    },
  ];
}

/** Of every method of the sweep, and of the device in service. */
function scoresOf({ sweep, served }: AccuracyCase): Scores[] {
  const chosen = sweep.methods.map(({ name }) => ({
    name,
    scores: sweep.points.map(({ deadlineMs, outcomes }) => {
      const outcome = outcomes.find(({ method }) => method === name);
      if (outcome?.selection == null) return saysNothingMeetsIt;
      const { accuracy } = outcome.selection;
      const latencies = outcome.measured?.latenciesMs;
      return latencies === undefined ? null : scoreOf(latencies.map((ms) => ({ accuracy, met: ms <= deadlineMs })));
    }),
  }));
  const names = [...new Set(served.map(({ name }) => name))];
  const inPractice = names.map((name) => ({
    name,
    scores: sweep.points.map(({ deadlineMs }) => {
      const run = served.find((each) => each.name === name && each.deadlineMs === deadlineMs);
      return run === undefined ? null : scoreOf(run.frames);
    }),
  }));
  return [...chosen, ...inPractice];
}

const saysNothingMeetsIt: Score = { mean: -1, late: 0, frames: 0 };

function scoreOf(frames: readonly { accuracy: number; met: boolean }[]): Score {
  const sum = frames.reduce((total, { accuracy, met }) => total + (met ? accuracy : -accuracy), 0);
  return { mean: sum / frames.length, late: frames.filter(({ met }) => !met).length, frames: frames.length };
}

function find(all: readonly Scores[], name: string): Scores {
  return all.find((scores) => scores.name === name) ?? { name, scores: [] };
}

function compare({ points }: Sweep, ours: Scores, others: readonly Scores[]): Pick<Claim, 'ours' | 'verdict'> {
  const short = points.flatMap(({ deadlineMs }, index) => {
    const own = ours.scores[index];
    const better = others.filter(({ scores }) => (scores[index]?.mean ?? -1) > (own?.mean ?? -1) + tolerance);
    if (better.length === 0) return [];
    const names = better.map(({ name, scores }) => `${name} (${fixed(scores[index]?.mean ?? -1, 3)})`).join(', ');
    return [`less at ${deadlineMs} ms, ${own?.late ?? 0} of ${own?.frames ?? 0} frames late, than ${names}`];
  });
  const list = ours.scores.map((score) => (score === null ? '–' : fixed(score.mean, 3))).join(', ');
  return {
    ours: [list, ...short].join('; '),
    verdict: short.length === 0 ? 'holds' : 'holds not',
  };
}
