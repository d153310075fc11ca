import type { AccuracyCase } from '../served.ts';
import type { Sweep } from '../sweep.ts';
import { scoresOf } from './accuracy-scores.ts';
import type { Block } from './document.ts';
import { selectionTable, sweepIntroduction, timesTable } from './sweep-blocks.ts';
import { fixed } from './wording.ts';

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
          title: 'Accuracy, negative where the deadline is missed',
          subtitle: `${model}, setting “${setting}”`,
          categories: points.map(row.of),
          categoryLabel: 'deadline in ms',
          y: { label: 'accuracy', min: -1, max: 1 },
          series: all.map(({ name, scores }) => ({ name, values: scores.map((score) => score?.mean ?? null) })),
        },
      },
    },
  ];
}
