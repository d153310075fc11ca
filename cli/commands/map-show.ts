import type { ConfigurationMap } from '../../shared/protocol/configuration-map.ts';
import { printJson, printLine, printTable } from './print.ts';
import { readMap } from './read-map.ts';

const head = [
  'state',
  'from Mbit/s',
  'to Mbit/s',
  'planned Mbit/s',
  'exit',
  'partition',
  'direction',
  'encoding',
  'predicted ms',
  'reward',
  'feasible',
];
const numeric = [0, 1, 2, 3, 4, 5, 8, 9];

/** `edgent map show`. */
export async function showMapCommand(file: string, asJson: boolean): Promise<void> {
  const map = await readMap(file);
  if (asJson) printJson(map);
  else printMap(map);
}

/** One row a bandwidth state. */
export function printMap({ revision, objective, deadlineMs, marginMs, entries, madeFor }: ConfigurationMap): void {
  if (madeFor !== undefined) {
    const { model, deviceClass, workerClass } = madeFor;
    printLine(`${model.name} (${model.digest}) on devices "${deviceClass}" and workers "${workerClass}"`);
  }
  printLine(`${revision}\nobjective ${objective}, deadline ${deadlineMs} ms, margin ${marginMs} ms`);
  const rows = entries.map(({ state, plan, prediction, reward, feasible }, i) => [
    `${i}`,
    state.fromMbps.toFixed(3),
    entries[i + 1]?.state.fromMbps.toFixed(3) ?? '',
    state.mbps.toFixed(3),
    `${plan.exit}`,
    `${plan.partition}`,
    plan.direction,
    plan.encoding,
    prediction.totalMs.toFixed(1),
    reward.toFixed(3),
    feasible ? 'yes' : 'no',
  ]);
  printTable(head, rows, numeric);
}
