import { describePlan } from '../../../shared/planner/plan.ts';
import { median } from '../../../shared/runtime/statistics.ts';
import { type Outcome, outcomeAt, type Sweep } from '../sweep.ts';
import type { Block } from './document.ts';
import { emulationOf, percent, seconds } from './wording.ts';

type Point = Sweep['points'][number];

/** What a row of a table is told by. */
export interface RowName {
  head: string;
  of: (point: Point) => string;
}

/** @returns what was done, which methods there are, and how well they predict */
export function sweepIntroduction(sweep: Sweep): Block {
  const { model, setting, emulation, methods } = sweep;
  const about = methods.map(({ name, about: how }) => `${name} (${how})`).join(', ');
  return {
    kind: 'paragraph',
    text:
      `${model}, setting “${setting}”: ${emulationOf(emulation)}. Methods: ${about}. Medians of the frames of a point; ` +
      `what sends nothing is measured once. ${agreement(sweep)} “none”: the method says that nothing is in time; “–”: ` +
      'predicted to take so long that it was not measured.',
  };
}

export function selectionTable({ methods, points }: Sweep, row: RowName): Block {
  return table(row, methods, points, ({ selection }) => (selection === null ? 'none' : describePlan(selection.plan)));
}

/** Measured, and in brackets predicted. */
export function timesTable({ methods, points }: Sweep, row: RowName): Block {
  return table(row, methods, points, ({ selection, measured }) => {
    if (selection === null) return 'none';
    return `${measured === null ? '–' : seconds(measured.latencyMs.median)} (${seconds(selection.predictedMs)})`;
  });
}

/** What a sweep's picture is called and drawn over. */
export interface SweepAxis {
  /** Of the file. */
  name: string;
  title: string;
  xLabel: string;
  of: (point: Point) => number;
}

/** @returns each method's latency along a sweep, and the deadline beside it */
export function sweepPicture(
  { model, setting, methods, points }: Sweep,
  { name, title, xLabel, of }: SweepAxis,
): Block {
  return {
    kind: 'picture',
    name: `${name}-${setting}-${model}`,
    alt: `${title} of each method, ${model}, setting ${setting}`,
    picture: {
      kind: 'lines',
      chart: {
        title,
        subtitle: `${model}, setting “${setting}”`,
        x: { label: xLabel },
        y: { label: 'latency in ms', min: 0 },
        series: [
          ...methods.map((method) => ({
            name: method.name,
            marked: true,
            points: points.flatMap((point) => {
              const measured = outcomeAt(point, method)?.measured;
              return measured == null ? [] : [[of(point), measured.latencyMs.median] as const];
            }),
          })),
          { name: 'deadline', dashed: true, points: points.map((point) => [of(point), point.deadlineMs] as const) },
        ],
      },
    },
  };
}

function table(
  row: RowName,
  methods: Sweep['methods'],
  points: readonly Point[],
  cell: (outcome: Outcome) => string,
): Block {
  return {
    kind: 'table',
    head: [row.head, ...methods.map(({ name }) => name)],
    numeric: [0],
    rows: points.map((point) => [
      row.of(point),
      ...methods.map((method) => {
        const outcome = outcomeAt(point, method);
        return outcome === undefined ? '' : cell(outcome);
      }),
    ]),
  };
}

function agreement({ points }: Sweep): string {
  const errors = points.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ selection, measured }) =>
      selection === null || measured === null ? [] : [Math.abs(selection.predictedMs / measured.latencyMs.median - 1)],
    ),
  );
  if (errors.length === 0) return 'Nothing was measured.';
  return `Predicted and measured times differ by ${percent(median(errors))} in the median, ${percent(Math.max(...errors))} at most.`;
}
