import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { buildBandwidthStates, defaultPlanningShare } from '../../shared/planner/bandwidth-states.ts';
import { type BandwidthTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';
import { defaultDetectorParameters } from '../../shared/protocol/detector-settings.ts';
import type { StatesFile } from '../../shared/protocol/states-file.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { fetchHistory } from '../platform/device-history.ts';
import { printJson, printLine, printTable } from './print.ts';

export interface BuildStatesOptions {
  /** Bandwidth logs: each as it was named, and where it lies. */
  readonly files: readonly { name: string; path: string }[];
  readonly traceScale: number;
  readonly controlPlane?: string;
  readonly token?: string;
  readonly device?: string;
  readonly count: number;
  readonly out?: string;
  readonly json?: boolean;
}

interface History {
  /** The options that name it. */
  words: string;
  traces: readonly BandwidthTrace[];
}

/** `edgent states build`. */
export async function buildStatesCommand(options: BuildStatesOptions): Promise<void> {
  const file = statesFile(await readHistory(options), options);
  if (options.out !== undefined) await writeAtomically(options.out, `${JSON.stringify(file, null, 2)}\n`);
  if (options.json) printJson(file);
  else printStates(file);
}

/** @throws {FleetError} `usage`, `trace-unreadable`, `http-failed`, `bandwidth-states-empty` without any sample */
async function readHistory({ files, controlPlane, token, device }: BuildStatesOptions): Promise<History> {
  if (files.length > 0 === (controlPlane !== undefined)) {
    throw new FleetError('usage', 'name either --trace files or a --control-plane with a --device');
  }
  if (controlPlane === undefined) {
    const texts = await Promise.all(files.map(({ path }) => readFile(path, 'utf8')));
    const traces = files.flatMap(({ name }, i) => parseTraces(name, texts[i] ?? ''));
    return { words: `--trace ${files.map(({ name }) => name).join(' ')}`, traces };
  }
  if (token === undefined || device === undefined) {
    throw new FleetError('usage', '--control-plane needs --token (or EDGENT_TOKEN) and --device');
  }
  const traces = await fetchHistory({ controlPlane, token, device });
  if (traces.length === 0) throw new FleetError('bandwidth-states-empty', `"${device}" has reported no bandwidth yet`);
  return { words: `--control-plane ${controlPlane} --device ${device}`, traces };
}

function statesFile({ words, traces }: History, { traceScale, count }: BuildStatesOptions): StatesFile {
  const scaled = traces.map((trace) => scaleTrace(trace, traceScale));
  const scaleWords = traceScale === 1 ? '' : ` --trace-scale ${traceScale}`;
  return {
    schema: 1,
    madeBy: `edgent states build ${words}${scaleWords} --count ${count}`,
    history: {
      traces: traces.length,
      seconds: Math.round(traces.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000),
      scale: traceScale,
    },
    parameters: { count, planningShare: defaultPlanningShare, detector: defaultDetectorParameters },
    states: buildBandwidthStates(scaled, { count, planningShare: defaultPlanningShare }),
  };
}

function printStates({ history, states }: StatesFile): void {
  printLine(`${states.length} states of ${history.seconds.toLocaleString('en')} s in ${history.traces} traces`);
  const rows = states.map(({ mbps, fromMbps }, i) => [
    `${i}`,
    fromMbps.toFixed(3),
    states[i + 1]?.fromMbps.toFixed(3) ?? '',
    mbps.toFixed(3),
  ]);
  printTable(['state', 'from Mbit/s', 'to Mbit/s', 'planned Mbit/s'], rows, [0, 1, 2, 3]);
}
