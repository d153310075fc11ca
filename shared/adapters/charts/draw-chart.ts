import type { BarChart, BarSeries, CdfChart, GroupedBarChart, LineChart, PointSeries, StepChart } from './chart.ts';
import { bottomAxis, categoryAxis, namedStepsAxis, renderChart, valueAxis } from './render-chart.ts';

/** Charts as SVG files: the same numbers give the same bytes. */

/** @returns an SVG file: lines from point to point */
export function lineChart(chart: LineChart): string {
  const series = chart.series.map((one) => pointSeries(one, {}));
  return renderChart(chart, { xAxis: bottomAxis(chart.x), yAxis: valueAxis(chart.y), series });
}

/** @returns an SVG file: each value holds until the next one */
export function stepChart(chart: StepChart): string {
  const { steps } = chart;
  const series = chart.series.map((one) => pointSeries(one, { step: 'end' }));
  const yAxis = steps === undefined ? valueAxis(chart.y) : namedStepsAxis(steps, chart.y);
  const body = { xAxis: bottomAxis(chart.x), yAxis, series };
  return renderChart(chart, steps === undefined ? body : { ...body, gridLeftPx: stepNamesPx });
}

/** @returns an SVG file: of each series the share of its values that are no greater than x */
export function cdfChart(chart: CdfChart): string {
  const series = chart.series.map(({ name, values, dashed = false }) =>
    pointSeries({ name, dashed, points: distribution(values) }, { step: 'end' }),
  );
  const yAxis = valueAxis({ label: 'share of values in %', min: 0, max: 100 });
  return renderChart(chart, { xAxis: bottomAxis(chart.x), yAxis, series });
}

/** @returns an SVG file: bars side by side, those of a second unit by an axis on the right */
export function barChart(chart: GroupedBarChart): string {
  const { categories, categoryLabel, y, right } = chart;
  const rightAxis = right === undefined ? [] : [{ ...valueAxis(right.y), splitLine: { show: false } }];
  return renderChart(chart, {
    xAxis: categoryAxis(categories, categoryLabel),
    yAxis: [valueAxis(y), ...rightAxis],
    series: [
      ...chart.series.map((one) => barSeries(one, { yAxisIndex: 0 })),
      ...(right?.series ?? []).map((one) => barSeries(one, { yAxisIndex: 1 })),
    ],
  });
}

/** @returns an SVG file: bars on top of each other */
export function stackedBarChart(chart: BarChart): string {
  const { categories, categoryLabel, y } = chart;
  const series = chart.series.map((one) => barSeries(one, { stack: 'all' }));
  return renderChart(chart, { xAxis: categoryAxis(categories, categoryLabel), yAxis: valueAxis(y), series });
}

/** Room for the names of steps. */
const stepNamesPx = 128;

function pointSeries({ name, points, dashed = false, marked = false }: PointSeries, how: object): { name: string } {
  const lineStyle = { width: 2, type: dashed ? 'dashed' : 'solid' };
  const line = {
    type: 'line',
    data: points.map(([x, y]) => [x, y]),
    lineStyle,
    symbol: marked ? 'circle' : 'none',
    ...how,
  };
  return { name, ...line };
}

function barSeries({ name, values }: BarSeries, how: object): { name: string } {
  const bars = { type: 'bar', data: [...values], ...how };
  return { name, ...bars };
}

/** @returns [x, percent of the values ≤ x], from 0 % at the least value on */
function distribution(values: readonly number[]): [x: number, percent: number][] {
  const sorted = Float64Array.from(values).sort();
  const rising = Array.from(sorted, (x, index): [number, number] => [x, (100 * (index + 1)) / sorted.length]);
  const [least] = sorted;
  return least === undefined ? [] : [[least, 0], ...rising];
}
