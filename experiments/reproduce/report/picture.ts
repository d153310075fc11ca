import type { CdfChart, GroupedBarChart, LineChart, StepChart } from '../../../shared/adapters/charts/chart.ts';
import { barChart, cdfChart, lineChart, stepChart } from '../../../shared/adapters/charts/draw-chart.ts';

/** A chart as data. */
export type Picture =
  | { kind: 'lines'; chart: LineChart }
  | { kind: 'steps'; chart: StepChart }
  | { kind: 'distribution'; chart: CdfChart }
  | { kind: 'bars'; chart: GroupedBarChart };

/** @returns a picture as SVG, the same for the same picture */
export function drawPicture(picture: Picture): string {
  switch (picture.kind) {
    case 'lines':
      return lineChart(picture.chart);
    case 'steps':
      return stepChart(picture.chart);
    case 'distribution':
      return cdfChart(picture.chart);
    case 'bars':
      return barChart(picture.chart);
  }
}
