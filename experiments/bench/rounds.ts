import { systemClock } from '../../shared/runtime/clock.ts';
import type { BenchContext, BenchFigure } from './figure.ts';
import { figureOf } from './figure.ts';

/** A figure that is measured in rounds, by computing alone. */
export interface Measured {
  name: string;
  unit: string;
  bar: number | null;
  /** @returns one round's value */
  round: () => number;
}

const rounds = 7;
/** Rounds before those that count: the compiler has seen every kind of work then. */
const warmUpRounds = 3;

/** Measures the figures of an area; they take turns, so that a busy moment of the machine hits none of them alone. */
export function measureRounds(
  area: string,
  figures: readonly Measured[],
  { progress }: Pick<BenchContext, 'progress'>,
): BenchFigure[] {
  const samples = figures.map((): number[] => []);
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const [index, figure] of figures.entries()) {
      const value = figure.round();
      if (round >= 0) samples[index]?.push(value);
    }
    progress(round < 0 ? `${area}: warming up, ${-round} to go` : `${area}: round ${round + 1} of ${rounds}`);
  }
  return figures.map(({ name, unit, bar }, index) => figureOf({ area, name, unit, bar }, samples[index] ?? []));
}

/** @returns how long this took, ms */
export function durationMs(run: () => unknown): number {
  const startMs = systemClock.nowMs();
  run();
  return systemClock.nowMs() - startMs;
}
