import { barChart } from '../../../shared/adapters/charts/draw-chart.ts';
import { describePlan } from '../../../shared/planner/plan.ts';
import { median } from '../../../shared/runtime/statistics.ts';
import type { Comparison } from './compare-rivals.ts';
import { allowedMs } from './excess.ts';
import type { MeasuredPlan } from './measure-plans.ts';
import type { Setting } from './settings.ts';

const leastWidthPx = 900;
const planWidthPx = 12;
/** For the names of all that is compared in one row. */
const comparisonWidthPx = 1050;

/** @returns an SVG file: each plan's excess beyond its headers beside what is allowed */
export function excessPicture({ name, mbps }: Setting, plans: readonly MeasuredPlan[]): string {
  return barChart({
    title: `Excess over the physical bound, ${name}`,
    subtitle: 'latency less head, bare TCP transfer of the same payload and tail, beyond 64 bytes and topic a chunk',
    widthPx: Math.max(leastWidthPx, planWidthPx * plans.length),
    categories: plans.map(({ sending }) => describePlan(sending.plan)),
    categoryLabel: 'plan: exit @partition encoding',
    y: { label: 'ms' },
    series: [
      { name: 'excess', values: plans.map(({ excess }) => excess.excessMs - excess.statedMs) },
      { name: 'allowed', values: plans.map(({ excess }) => allowedMs(excess.boundMs, mbps)) },
    ],
  });
}

/** @returns an SVG file: latencies of the platform and of what would be used without it, on each link */
export function comparisonPicture(processorFactor: number, comparisons: readonly Comparison[]): string {
  const [first] = comparisons;
  return barChart({
    title: `The platform beside what would be used without it, device ${processorFactor} times slower`,
    subtitle: 'medians from image to label; the platform plans by itself',
    widthPx: comparisonWidthPx,
    categories: comparisons.map(({ setting }) => setting.name),
    y: { label: 'latency in ms', scale: 'log' },
    series: [
      { name: 'the platform', values: comparisons.map(({ platform }) => median(platform)) },
      ...(first?.rivals ?? []).map(({ name }) => ({
        name,
        values: comparisons.map(({ rivals }) => {
          const row = rivals.find((rival) => rival.name === name);
          return row === undefined ? null : median(row.rounds);
        }),
      })),
    ],
  });
}
