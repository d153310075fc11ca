import type { BenchFigure } from './figure.ts';

/** One figure of two runs. */
export interface ComparedFigure {
  area: string;
  name: string;
  unit: string;
  before: number;
  now: number;
  /** now by before; null where it was 0. */
  ratio: number | null;
  /** `the same`: the spreads of the two runs meet. */
  verdict: 'better' | 'worse' | 'the same';
}

/**
 * Sets the figures of a run beside those of an earlier one, by area, name and unit.
 * @returns those that both have, in the order of this run
 */
export function compareFigures(before: readonly BenchFigure[], now: readonly BenchFigure[]): ComparedFigure[] {
  const earlier = new Map(before.map((figure) => [keyOf(figure), figure]));
  return now.flatMap((figure) => {
    const old = earlier.get(keyOf(figure));
    return old === undefined ? [] : [compare(old, figure)];
  });
}

function keyOf({ area, name, unit }: BenchFigure): string {
  return JSON.stringify([area, name, unit]);
}

function compare(old: BenchFigure, figure: BenchFigure): ComparedFigure {
  const { area, name, unit, value: now } = figure;
  const rose = figure.spread[0] > old.spread[1];
  const fell = figure.spread[1] < old.spread[0];
  const [worse, better] = figure.better === 'more' ? [fell, rose] : [rose, fell];
  const verdict = worse ? 'worse' : better ? 'better' : 'the same';
  return { area, name, unit, before: old.value, now, ratio: old.value === 0 ? null : now / old.value, verdict };
}
