import Table from 'cli-table3';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { percentile } from '../../shared/runtime/statistics.ts';

/** The fleet as a table that is drawn again and again in a terminal, or once in a while as lines elsewhere. */
export interface LiveTable {
  record(result: FrameResult): void;
  start(): void;
  stop(): void;
}

export interface LiveTableOptions {
  devices: readonly string[];
  /** Above the table: addresses, what is emulated. */
  title: string;
  output: NodeJS.WriteStream;
}

interface Row {
  last: FrameResult | undefined;
  frames: number;
  met: number;
  fallbacks: number;
  latencies: number[];
}

/** How many recent frames the median latency is of. */
const recentFrames = 20;
const terminalMs = 500;
const linesMs = 5000;

export function createLiveTable({ devices, title, output }: LiveTableOptions): LiveTable {
  const rows = new Map<string, Row>(
    devices.map((id) => [id, { last: undefined, frames: 0, met: 0, fallbacks: 0, latencies: [] }]),
  );
  let timer: NodeJS.Timeout | undefined;
  let drawnLines = 0;

  function draw(): void {
    if (output.isTTY) {
      const text = `${fitted(`${title}\n${render(rows)}`, output)}\n`;
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
      if (result.met) row.met += 1;
      if (result.fallback !== null) row.fallbacks += 1;
      row.latencies.push(result.latencyMs);
      if (row.latencies.length > recentFrames) row.latencies.shift();
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

/** Cuts lines at the terminal's width: a line that wraps would make the next drawing start in the wrong place. */
function fitted(text: string, { columns = 80 }: NodeJS.WriteStream): string {
  const fit = (line: string): string => (line.length <= columns ? line : `${line.slice(0, columns - 1)}…`);
  return text.split('\n').map(fit).join('\n');
}

function render(rows: ReadonlyMap<string, Row>): string {
  const table = new Table({
    head: [
      'device',
      'processor',
      'Mbit/s',
      'exit',
      'partition',
      'encoding',
      'latency / deadline ms',
      'met',
      'fallbacks',
    ],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'left', 'right', 'left', 'right', 'right', 'right'],
  });
  for (const [id, row] of rows) table.push([id, ...cellsOf(row)]);
  return table.toString();
}

function cellsOf({ last, frames, met, fallbacks, latencies }: Row): string[] {
  if (last === undefined) return ['', '', 'waiting', '', '', '', '', ''];
  const { plan, assumed, deadlineMs, processorFactor } = last;
  return [
    processorFactor === 1 ? 'own' : `÷${processorFactor}`,
    assumed.uplinkMbps === null ? '–' : assumed.uplinkMbps.toFixed(2),
    plan.exit,
    plan.direction === 'edge-first' ? `${plan.partition} edge-first` : String(plan.partition),
    plan.encoding,
    `${percentile(latencies, 0.5).toFixed(1)} / ${deadlineMs}`,
    `${((100 * met) / frames).toFixed(1)} % of ${frames}`,
    String(fallbacks),
  ];
}

function lineOf(rows: ReadonlyMap<string, Row>): string {
  return [...rows].map(([id, row]) => `${id}: ${cellsOf(row).filter(Boolean).join(' ')}`).join(' | ');
}
