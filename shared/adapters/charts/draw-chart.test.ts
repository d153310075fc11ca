import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { ValueAxis } from './chart.ts';
import { barChart, cdfChart, lineChart, stackedBarChart, stepChart } from './draw-chart.ts';
import { svgToPng } from './svg-to-png.ts';

const title = 'Runtime & size <by layer>';
const x: ValueAxis = { label: 'time in s' };
const y: ValueAxis = { label: 'latency in ms', min: 0 };
const points = [
  [0, 1],
  [1, 3],
  [2, 2],
] as const;
const bars = [{ name: 'runtime', values: [1, null, 3] }];
const categories = ['conv1', 'relu1', 'fc1'];

const charts = {
  line: () => lineChart({ title, x, y, series: [{ name: 'p50', points, dashed: true, marked: true }] }),
  step: () =>
    stepChart({ title, x, y: { label: 'plan' }, steps: ['local', 'shared'], series: [{ name: 'a', points }] }),
  cdf: () => cdfChart({ title, x: y, series: [{ name: 'all', values: [5, 1, 3, 3] }] }),
  bars: () =>
    barChart({
      ...{ title, categories, y, series: bars },
      right: { y: { label: 'size in KB' }, series: [{ name: 'size', values: [4, 5, 6] }] },
    }),
  stack: () => stackedBarChart({ title, categories, y, series: [...bars, { name: 'rest', values: [1, 1, 1] }] }),
};

describe.each(Object.entries(charts))('a chart of kind %s', (_, draw) => {
  test('is the same file each time, whatever else was drawn meanwhile', () => {
    const first = draw();
    for (const other of Object.values(charts)) other();
    expect(draw()).toBe(first);
    expect(first).toMatch(/^<svg [^>]*viewBox="0 0 900 480"/);
    expect(first).not.toMatch(/\bzr\d/);
  });

  test('carries its title as text, escaped', () => {
    expect(draw()).toContain('Runtime &amp; size &lt;by layer&gt;');
  });
});

test('axes carry their labels with units, and a legend tells two series apart', () => {
  const svg = charts.bars();
  for (const text of ['latency in ms', 'size in KB', 'runtime', 'conv1', 'relu1', 'fc1']) {
    expect(svg).toContain(`>${text}</text>`);
  }
  expect(new Set(svg.match(/fill="#(?:0072B2|D55E00)"/gi)?.map((fill) => fill.toLowerCase())).size).toBe(2);
});

test('a step holds its value until the next one', () => {
  const [, path = ''] = /<path d="([^"]+)"[^>]*stroke="#0072B2"/i.exec(charts.step()) ?? [];
  const [first, ...others] = path
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));
  const next = others.find(([left]) => left !== first?.[0]);
  expect(next?.[1]).toBe(first?.[1]);
});

test('a step chart names its steps, a distribution ends at 100 %', () => {
  expect(charts.step()).toContain('>shared</text>');
  expect(charts.cdf()).toContain('>100</text>');
});

test('ids of different charts do not clash in one page', () => {
  const ids = Object.values(charts).map((draw) => new Set(draw().match(/id="[^"]+"/g)));
  const all = ids.flatMap((set) => [...set]);
  expect(all.length).toBeGreaterThan(0);
  expect(new Set(all).size).toBe(all.length);
});

test('a chart becomes a PNG picture with its text drawn', async () => {
  const png = await svgToPng(charts.line(), 1);
  const { data, info } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([900, 480]);
  // The title lies in the topmost 40 lines, and nothing else does.
  expect(data.subarray(0, 40 * info.width).some((pixel) => pixel < 100)).toBe(true);
});

test('what is no SVG is no picture', async () => {
  await expect(svgToPng('no svg')).rejects.toMatchObject({ code: 'image-unreadable' });
});
