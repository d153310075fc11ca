import Table from 'cli-table3';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { percentile } from '../../shared/runtime/statistics.ts';

/** What a device has done so far. */
export interface DeviceRow {
  last: FrameResult | undefined;
  frames: number;
  met: number;
  /** Slots of the source that passed while the device was busy. */
  skipped: number;
  /** Frames that came to nothing; each counts as missed. */
  failed: number;
  fallbacks: number;
  /** Of the last few frames, ms. */
  latencies: number[];
}

interface Column {
  head: string;
  /** Over two lines, where the terminal is narrow. */
  narrowHead: string;
  align: 'left' | 'right';
  cell(row: DeviceRow, last: FrameResult): string;
  whileWaiting?: string;
}

const device = 'device';
const columns = {
  processor: {
    head: 'processor',
    narrowHead: 'pro-\ncessor',
    align: 'right',
    cell: (_, { processorFactor }) => (processorFactor === 1 ? 'own' : `÷${processorFactor}`),
  },
  rate: {
    head: 'Mbit/s',
    narrowHead: 'Mbit/s',
    align: 'right',
    cell: (_, { assumed }) => (assumed.uplinkMbps === null ? '–' : assumed.uplinkMbps.toFixed(2)),
  },
  exit: { head: 'exit', narrowHead: 'exit', align: 'left', cell: (_, { plan }) => plan.exit },
  partition: {
    head: 'partition',
    narrowHead: 'parti-\ntion',
    align: 'right',
    cell: (_, { plan }) => (plan.direction === 'edge-first' ? `${plan.partition} edge-first` : String(plan.partition)),
  },
  encoding: { head: 'encoding', narrowHead: 'enco-\nding', align: 'left', cell: (_, { plan }) => plan.encoding },
  latency: {
    head: 'latency / deadline ms',
    narrowHead: 'latency /\ndeadline ms',
    align: 'right',
    cell: ({ latencies }, { deadlineMs }) => `${percentile(latencies, 0.5).toFixed(1)} / ${deadlineMs}`,
    whileWaiting: 'waiting',
  },
  met: {
    head: 'met',
    narrowHead: 'met',
    align: 'right',
    cell: ({ met, frames, failed }) => `${((100 * met) / (frames + failed)).toFixed(1)} % of ${frames + failed}`,
  },
  fallbacks: {
    head: 'fallbacks',
    narrowHead: 'fall-\nbacks',
    align: 'right',
    cell: ({ fallbacks }) => String(fallbacks),
  },
  skipped: { head: 'skipped', narrowHead: 'skip-\nped', align: 'right', cell: ({ skipped }) => String(skipped) },
  failed: { head: 'failed', narrowHead: 'fai-\nled', align: 'right', cell: ({ failed }) => String(failed) },
} satisfies Record<string, Column>;

type ColumnName = keyof typeof columns;
const everyColumn = Object.keys(columns).filter(isColumn);
/** What a narrow terminal does without, the least important first; what frames came to always stays. */
const dispensable: readonly ColumnName[] = ['skipped', 'failed', 'processor', 'encoding', 'rate', 'partition', 'exit'];

const withoutLines = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', left: '', right: '', middle: ' ' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' },
};

/**
 * The fleet as a table, a line a device: with lines and full heads where they fit, else without and with heads over
 * two lines, else with fewer columns.
 * @param width characters a line; narrower than what never goes, the table is wider than that
 */
export function renderFleet(rows: ReadonlyMap<string, DeviceRow>, width: number): string {
  const wide = renderWide(rows);
  if (widthOf(wide) <= width) return wide;
  for (let dropped = 0; dropped < dispensable.length; dropped += 1) {
    const narrow = renderNarrow(rows, dropped);
    if (widthOf(narrow) <= width) return narrow;
  }
  return renderNarrow(rows, dispensable.length);
}

/** @returns a device's cells as one line, where there is no terminal to draw in */
export function describeRow(row: DeviceRow): string {
  return cellsOf(row, everyColumn).filter(Boolean).join(' ');
}

/** Breaks lines between words so that none is longer than the width; a longer word is broken itself. */
export function wrapText(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
    .join('\n');
}

function renderWide(rows: ReadonlyMap<string, DeviceRow>): string {
  const shown = everyColumn.map((name) => columns[name]);
  const table = new Table({
    head: [device, ...shown.map(({ head }) => head)],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...shown.map(({ align }) => align)],
  });
  for (const [id, row] of rows) table.push([id, ...cellsOf(row, everyColumn)]);
  return table.toString();
}

function renderNarrow(rows: ReadonlyMap<string, DeviceRow>, dropped: number): string {
  const names = everyColumn.filter((name) => !dispensable.slice(0, dropped).includes(name));
  const shown = names.map((name) => columns[name]);
  const table = new Table({
    head: [device, ...shown.map(({ narrowHead }) => narrowHead)],
    chars: withoutLines,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    colAligns: ['left', ...shown.map(({ align }) => align)],
  });
  for (const [id, row] of rows) table.push([id, ...cellsOf(row, names)]);
  return table.toString();
}

function cellsOf(row: DeviceRow, names: readonly ColumnName[]): string[] {
  const { last } = row;
  return names.map((name) => {
    const column: Column = columns[name];
    if (last !== undefined) return column.cell(row, last);
    // Where all frames fail there is no last one, and their number is all that there is to tell.
    return name === 'failed' && row.failed > 0 ? String(row.failed) : (column.whileWaiting ?? '');
  });
}

function isColumn(name: string): name is ColumnName {
  return name in columns;
}

function widthOf(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
