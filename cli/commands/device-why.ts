import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DecisionLogContent,
  type DecisionRecord,
  decisionLogParser,
  decisionsFile,
} from '../../shared/protocol/decision-record.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { printJson, printLine, printTable } from './print.ts';
import { readInput } from './read-input.ts';

export interface WhyOptions {
  readonly id?: string;
  readonly dataFolder?: string;
  readonly json?: boolean;
}

/** `edgent device why`. */
export async function whyCommand({ json, ...place }: WhyOptions): Promise<void> {
  const content = await readDecisions(foldersOf(place));
  if (json === true) printJson(content);
  else printDecisions(content);
}

/** Where `device run` and `start` have a device keep its data. */
function foldersOf({ id, dataFolder }: Omit<WhyOptions, 'json'>): string[] {
  if (dataFolder !== undefined) return [dataFolder];
  if (id === undefined) throw new FleetError('usage', 'device why needs --id or --data-folder');
  return [join('.edgent', `device-${id}`), join('.edgent', 'start', 'devices', id)];
}

/** @throws {FleetError} `decisions-missing`, `file-invalid` */
async function readDecisions(folders: readonly string[]): Promise<DecisionLogContent> {
  const files = folders.map((folder) => join(folder, decisionsFile));
  const file = files.find((path) => existsSync(path));
  if (file === undefined) throw new FleetError('decisions-missing', `there is no ${files.join(' and no ')}`);
  return readInput(file, decisionLogParser);
}

/** Oldest first, so that what is in force stands last, where the eye is; in 120 columns. */
function printDecisions({ device, decisions }: DecisionLogContent): void {
  printTable(
    [
      'since',
      'why,\nby',
      'frames',
      'Mbit/s',
      'state,\nrun',
      'queue ms,\n× device,\n× worker',
      'plan',
      'T ms,\nslack',
      'runner-up',
    ],
    decisions.map((record) => cellsOf(record).map((lines) => lines.join('\n'))),
    { numeric: [2, 3, 5, 7], ruled: true },
  );
  const last = decisions.at(-1);
  if (last !== undefined) printLine(`${device}: the last row is in force; last frame by it ${last.lastAt}`);
}

/** What changed; where it was two things, both. */
const kindWords: Record<DecisionRecord['kind'], readonly string[]> = {
  first: ['first'],
  'state-changed': ['state-changed'],
  'map-changed': ['map-changed'],
  'state-and-map-changed': ['state-changed,', 'map-changed'],
  'plan-changed': ['plan-changed'],
  'configuration-changed': ['configuration-', 'changed'],
};

/** @returns the lines of each cell */
function cellsOf(record: DecisionRecord): string[][] {
  const { at, state, plan, mapPlan, runnerUp, planned, correction } = record;
  return [
    [at.slice(0, 10), `${at.slice(11, 21)}Z`],
    [
      ...kindWords[record.kind],
      ...(planned === 'best' ? [] : [planned]),
      record.configurator,
      ...(state === null ? [] : [shortRevision(state.revision)]),
    ],
    [`${record.frames}`],
    [record.bandwidthMbps?.toFixed(2) ?? ''],
    state === null ? [] : [`${state.index}: ${state.mbps.toFixed(2)}`, `run ${state.runLength}`],
    [record.queueMs.toFixed(1), correction.device.toFixed(2), correction.worker.toFixed(2)],
    [...describe(plan), ...(mapPlan === undefined ? [] : ['instead of', ...describe(mapPlan)])],
    [plan.totalMs.toFixed(1), record.slackMs.toFixed(1)],
    runnerUp === null ? withoutRunnerUp(record) : [...describe(runnerUp), `${runnerUp.totalMs.toFixed(1)} ms`],
  ];
}

/** @returns as much of a map's revision as tells it from others, with the count of the copies that the device made */
function shortRevision(revision: string): string {
  return revision.replace(/^sha256:([0-9a-f]{8})[0-9a-f]*/, '$1');
}

function withoutRunnerUp({ needed }: DecisionRecord): string[] {
  if (needed === undefined) return ['none meets', 'the deadline'];
  const { deadlineMs, uplinkMbps } = needed;
  if (uplinkMbps === null) return ['none; needs', `${upwards(deadlineMs, 1)} ms`];
  return ['none; needs', `${upwards(deadlineMs, 1)} ms or`, `${upwards(uplinkMbps, 2)} Mbit/s`];
}

/** A rate or deadline that is told must do. */
function upwards(value: number, decimals: number): string {
  return (Math.ceil(value * 10 ** decimals) / 10 ** decimals).toFixed(decimals);
}

function describe({ exit, partition, direction, encoding }: DecisionRecord['plan']): string[] {
  return [`${exit} @${partition} ${encoding}`, ...(direction === 'edge-first' ? [direction] : [])];
}
