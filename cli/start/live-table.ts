import type { FrameFailure, FrameResult } from '../../shared/protocol/frame-result.ts';
import { type DeviceRow, describeRow, renderFleet, wrapText } from './fleet-table.ts';

/** The fleet as a table that is drawn again and again in a terminal, or once in a while as lines elsewhere. */
export interface LiveTable {
  record(result: FrameResult): void;
  recordFailure(failure: FrameFailure): void;
  start(): void;
  stop(): void;
}

/** Standard output, as far as it is used. */
export type TableOutput = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & { write(text: string): unknown };

export interface LiveTableOptions {
  devices: readonly string[];
  /** Above the table: addresses, what is emulated. */
  title: string;
  output: TableOutput;
}

/** How many recent frames the median latency is of. */
const recentFrames = 20;
const terminalMs = 500;
const linesMs = 5000;
/** Where a terminal does not tell its width. */
const defaultWidth = 80;

export function createLiveTable({ devices, title, output }: LiveTableOptions): LiveTable {
  const rows = new Map<string, DeviceRow>(
    devices.map((id) => [
      id,
      { last: undefined, frames: 0, met: 0, skipped: 0, failed: 0, fallbacks: 0, latencies: [] },
    ]),
  );
  let timer: NodeJS.Timeout | undefined;
  let drawnLines = 0;

  function draw(): void {
    if (output.isTTY) {
      const text = `${fitted({ title, rows, width: output.columns || defaultWidth })}\n`;
      // Back to the first line of what was drawn last, and clear from there.
      output.write(drawnLines > 0 ? `\x1b[${drawnLines}A\x1b[0J${text}` : text);
      drawnLines = text.split('\n').length - 1;
    } else {
      output.write(`${lineOf(rows)}\n`);
    }
  }

  return {
    record(result) {
      const row = rows.get(result.device);
      if (row === undefined) return;
      row.last = result;
      row.frames += 1;
      row.skipped += result.skipped;
      if (result.met) row.met += 1;
      if (result.fallback !== null) row.fallbacks += 1;
      row.latencies.push(result.latencyMs);
      if (row.latencies.length > recentFrames) row.latencies.shift();
    },
    recordFailure({ device, skipped }) {
      const row = rows.get(device);
      if (row === undefined) return;
      row.failed += 1;
      row.skipped += skipped;
    },
    start() {
      if (!output.isTTY) output.write(`${title}\n`);
      draw();
      timer = setInterval(draw, output.isTTY ? terminalMs : linesMs);
    },
    stop() {
      clearInterval(timer);
      draw();
    },
  };
}

interface Drawing {
  title: string;
  rows: ReadonlyMap<string, DeviceRow>;
  width: number;
}

/** Keeps to the terminal's width: a line that it wraps itself would make the next drawing start in the wrong place. */
function fitted({ title, rows, width }: Drawing): string {
  const cut = (line: string): string => (line.length <= width ? line : `${line.slice(0, width - 1)}…`);
  const table = renderFleet(rows, width).split('\n').map(cut).join('\n');
  return `${wrapText(title, width)}\n${table}`;
}

function lineOf(rows: ReadonlyMap<string, DeviceRow>): string {
  return [...rows].map(([id, row]) => `${id}: ${describeRow(row)}`).join(' | ');
}
