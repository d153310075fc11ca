import { createHash } from 'node:crypto';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { ChartFrame, ValueAxis } from './chart.ts';

/**
 * Okabe and Ito's palette, which readers with any colour vision tell apart, without its yellow, which is too faint on
 * white; the last three, of Tol's, are for charts of more than seven series.
 */
const colours = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#56B4E9',
  '#E69F00',
  '#000000',
  '#882255',
  '#332288',
  '#999999',
];
const fontFamily = 'DejaVu Sans, Liberation Sans, Arial, Helvetica, sans-serif';
const textColour = '#222222';
const gridColour = '#D9D9D9';
const defaultWidthPx = 900;
const defaultHeightPx = 480;

/** Axes and series of a chart, in echarts' words. */
export interface ChartBody {
  readonly xAxis: object;
  readonly yAxis: object;
  readonly series: readonly { readonly name: string }[];
  /** Left of the drawing area, for names that are long. */
  readonly gridLeftPx?: number;
}

/**
 * @returns an SVG file; the same chart gives the same bytes, and the ids of different charts do not clash where several
 *   are put into one page
 */
export function renderChart(frame: ChartFrame, body: ChartBody): string {
  use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
  const { widthPx: width = defaultWidthPx, heightPx = defaultHeightPx } = frame;
  const legendPx = legendHeightPx(body.series, width);
  // A legend of several rows makes the chart taller, not what it draws smaller.
  const height = heightPx + Math.max(0, legendPx - legendRowPx);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(optionOf(frame, body, legendPx));
    return withStableIds(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/** @returns a value axis below the drawing area */
export function bottomAxis(axis: ValueAxis): object {
  return { ...valueAxis(axis), nameGap: 32 };
}

/** @returns a value axis whose values 0, 1, 2 … have names */
export function namedStepsAxis(names: readonly string[], { label }: ValueAxis): object {
  return {
    ...valueAxis({ label, min: 0, max: Math.max(1, names.length - 1) }),
    interval: 1,
    axisLabel: { color: textColour, fontFamily, fontSize: 12, formatter: (step: number) => names[step] ?? '' },
    nameGap: 108,
  };
}

export function valueAxis({ label, min, max, scale = 'linear' }: ValueAxis): object {
  return {
    type: scale === 'log' ? 'log' : 'value',
    ...axisText(label),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    axisLine: { show: true, lineStyle: { color: textColour } },
    splitLine: { lineStyle: { color: gridColour } },
  };
}

export function categoryAxis(categories: readonly string[], label = ''): object {
  const isCrowded = categories.length > 8;
  return {
    type: 'category',
    data: [...categories],
    ...axisText(label),
    axisLabel: { color: textColour, fontFamily, fontSize: 12, interval: 0, rotate: isCrowded ? 45 : 0 },
    axisTick: { alignWithLabel: true },
    // Further from names that lie aslant.
    nameGap: isCrowded ? 70 : 32,
  };
}

function axisText(name: string): object {
  return {
    name,
    nameLocation: 'middle',
    nameGap: 44,
    nameTextStyle: { color: textColour, fontFamily, fontSize: 14 },
    axisLabel: { color: textColour, fontFamily, fontSize: 12 },
  };
}

const legendGapPx = 20;
/** With the gap to the next one. */
const legendRowPx = 14 + legendGapPx;
/** Of a name's symbol, with what is left free beside it. */
const legendSymbolPx = 31;
/** A wide letter's: a legend that is thought too tall is better than names in the picture. */
const letterPx = 7.5;

/** @returns the height of the rows that echarts breaks a legend into; 0 for one series, which needs no legend */
function legendHeightPx(series: ChartBody['series'], widthPx: number): number {
  if (series.length < 2) return 0;
  let rows = 1;
  let rowPx = 0;
  for (const { name } of series) {
    const itemPx = legendSymbolPx + letterPx * name.length + legendGapPx;
    if (rowPx > 0 && rowPx + itemPx > widthPx) {
      rows += 1;
      rowPx = 0;
    }
    rowPx += itemPx;
  }
  return rows * legendRowPx;
}

function optionOf({ title, subtitle }: ChartFrame, body: ChartBody, legendPx: number): EChartsCoreOption {
  const { xAxis, yAxis, series, gridLeftPx: left = 72 } = body;
  return {
    animation: false,
    color: colours,
    backgroundColor: '#FFFFFF',
    textStyle: { fontFamily, color: textColour },
    title: {
      text: title,
      ...(subtitle === undefined ? {} : { subtext: subtitle }),
      left: 'center',
      top: 8,
      textStyle: { fontFamily, fontSize: 18, color: textColour },
      subtextStyle: { fontFamily, fontSize: 12, color: textColour },
    },
    legend: {
      show: legendPx > 0,
      itemGap: legendGapPx,
      top: subtitle === undefined ? 38 : 58,
      textStyle: { fontFamily, color: textColour },
    },
    grid: { left, right: 72, top: (subtitle === undefined ? 48 : 68) + legendPx, bottom: 64 },
    xAxis,
    yAxis,
    // The first series is what a chart is about: the others do not cover it.
    series: series.map((one, index) => ({ silent: true, z: 2 + series.length - index, ...one })),
  };
}

/** echarts counts its ids through all charts of a process. */
function withStableIds(svg: string): string {
  const ids = new Map<string, string>();
  const numbered = svg.replace(/\bzr\d+-[\w-]+/g, (id) => {
    const known = ids.get(id) ?? `${placeholder}${ids.size}`;
    ids.set(id, known);
    return known;
  });
  const digest = createHash('sha256').update(numbered).digest('hex').slice(0, 8);
  return numbered.replaceAll(placeholder, `c${digest}-`);
}

const placeholder = 'chart-id-';
