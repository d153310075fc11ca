import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { buildBandwidthStates, defaultPlanningShare } from '../../shared/planner/bandwidth-states.ts';
import { type BandwidthTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';
import { defaultDetectorParameters } from '../../shared/protocol/detector-settings.ts';
import type { StatesFile } from '../../shared/protocol/states-file.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requirePlaceFor } from '../out-file.ts';
import { fetchHistory } from '../platform/device-history.ts';
import { printJson } from './print.ts';
import { printStates } from './print-states.ts';

export interface BuildStatesOptions {
  /** Bandwidth logs: each as it was named, and where it lies. */
  readonly files: readonly { name: string; path: string }[];
  readonly traceScale: number;
  readonly controlPlane?: string;
  readonly token?: string;
  readonly device?: string;
  readonly fleet?: boolean;
  /** Newest reports of each device that are read, at most. */
  readonly reports: number;
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
  await requirePlaceFor(options.out);
  const file = statesFile(await readHistory(options), options);
  if (options.out !== undefined) await writeAtomically(options.out, `${JSON.stringify(file, null, 2)}\n`);
  if (options.json) printJson(file);
  else printStates(file);
}

/**
 * States of less would follow chance: a change of the link takes about ten samples to be seen, and a link shows its
 * levels in minutes. s
 */
const leastHistoryS = 300;

/** @throws {FleetError} `usage`, `trace-unreadable`, `http-failed`, `bandwidth-history-short` */
async function readHistory(options: BuildStatesOptions): Promise<History> {
  const { files, controlPlane } = options;
  requireOneSource(options);
  if (controlPlane !== undefined) return readReported(controlPlane, options);
  const texts = await Promise.all(files.map(({ path }) => readFile(path, 'utf8')));
  const traces = files.flatMap(({ name }, i) => parseTraces(name, texts[i] ?? ''));
  return { words: `--trace ${files.map(({ name }) => name).join(' ')}`, traces };
}

/** What would otherwise be left out of account is refused. @throws {FleetError} `usage` */
function requireOneSource({ files, controlPlane, device, fleet = false }: BuildStatesOptions): void {
  if (device !== undefined && fleet) throw new FleetError('usage', '--device and --fleet exclude each other');
  const reported = [
    ...(controlPlane === undefined ? [] : ['--control-plane']),
    ...(device === undefined ? [] : ['--device']),
    ...(fleet ? ['--fleet'] : []),
  ];
  if (files.length > 0 && reported.length > 0) {
    throw new FleetError('usage', `--trace takes history from files, ${reported.join(' and ')} from a control plane`);
  }
  if (files.length === 0 && controlPlane === undefined) {
    throw new FleetError('usage', 'name either --trace files or a --control-plane with a --device or the --fleet');
  }
}

async function readReported(controlPlane: string, options: BuildStatesOptions): Promise<History> {
  const { token, device, fleet = false, reports } = options;
  if (token === undefined || (device === undefined && !fleet)) {
    throw new FleetError('usage', '--control-plane needs --token (or EDGENT_TOKEN) and either --device or --fleet');
  }
  const traces = await fetchHistory({ controlPlane, token, device, reports });
  const seconds = secondsOf(traces);
  if (seconds < leastHistoryS) {
    const who = device === undefined ? 'the fleet' : `"${device}"`;
    throw new FleetError(
      'bandwidth-history-short',
      `${who} has reported ${Math.round(seconds)} s of bandwidth, at least ${leastHistoryS} s are needed`,
    );
  }
  const which = device === undefined ? '--fleet' : `--device ${device}`;
  return { words: `--control-plane ${controlPlane} ${which}`, traces };
}

function secondsOf(traces: readonly BandwidthTrace[]): number {
  return traces.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
}

function statesFile({ words, traces }: History, { traceScale, count }: BuildStatesOptions): StatesFile {
  const scaled = traces.map((trace) => scaleTrace(trace, traceScale));
  const scaleWords = traceScale === 1 ? '' : ` --trace-scale ${traceScale}`;
  return {
    schema: 1,
    madeBy: `edgent states build ${words}${scaleWords} --count ${count}`,
    history: {
      traces: traces.length,
      seconds: Math.round(secondsOf(traces)),
      scale: traceScale,
    },
    parameters: { count, planningShare: defaultPlanningShare, detector: defaultDetectorParameters },
    states: buildBandwidthStates(scaled, { count, planningShare: defaultPlanningShare }),
  };
}
