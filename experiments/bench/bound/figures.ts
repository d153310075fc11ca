import { median } from '../../../shared/runtime/statistics.ts';
import { type BenchFigure, figureOf, figureWith } from '../figure.ts';
import { allowedBehindMs, type Comparison, fastestRival } from './compare-rivals.ts';
import { excessPartNames, excessPartTexts } from './excess.ts';
import { type MeasuredPlan, takenByPlans } from './measure-plans.ts';
import type { Setting } from './settings.ts';

const area = 'bound';

/** @param of how many plans there are in all */
export function planFigures({ name, mbps }: Setting, plans: readonly MeasuredPlan[], of: number): BenchFigure[] {
  const taken = takenByPlans(plans, mbps);
  const barred = { area, unit: 'of what is allowed', bar: 1 };
  const told = { area, unit: 'ms', bar: null };
  const excesses = plans.map(({ excess }) => excess);
  return [
    figureWith(
      {
        ...barred,
        name: `${name}: excess over the bound beyond headers, p95 over plans`,
        note: `${plans.length} of ${of} plans`,
      },
      taken.value,
      taken.rounds,
    ),
    figureOf(
      { ...told, name: `${name}: excess over the bound, median plan` },
      excesses.map(({ excessMs }) => excessMs),
    ),
    ...excessPartNames.map((part) =>
      figureOf(
        { ...told, name: `${name}: of the excess ${excessPartTexts[part]}` },
        excesses.map(({ parts }) => parts[part]),
      ),
    ),
  ];
}

export function comparisonFigures(comparison: Comparison): BenchFigure[] {
  const { setting, processorFactor, platform, plannedAs, rivals } = comparison;
  const where = `${setting.name}, device ${processorFactor} times slower`;
  const told = { area, unit: 'ms', bar: null };
  const fastest = fastestRival(comparison);
  const bar = allowedBehindMs(fastest.ms);
  const behind = figureOf(
    { area, unit: 'ms', bar, name: `${where}: the platform behind the fastest other`, note: fastest.name },
    fastest.behindMs,
  );
  return [
    figureOf({ ...told, name: `${where}: the platform, planning itself`, note: plannedAs }, platform),
    ...rivals.map(({ name, rounds }) => figureOf({ ...told, name: `${where}: ${name}` }, rounds)),
    // What a single round contradicts lies within the spread.
    { ...behind, holds: behind.spread[0] <= bar },
  ];
}

/** @param rates Mbit/s, one a transfer */
export function rateFigure({ name }: Setting, bytes: number, rates: readonly number[]): BenchFigure {
  const told = { area, unit: 'Mbit/s', bar: null };
  return figureWith({ ...told, name: `${name}: ${bytes} bytes over bare TCP` }, median(rates), rates);
}
