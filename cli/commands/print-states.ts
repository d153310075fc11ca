import type { StatesFile } from '../../shared/protocol/states-file.ts';
import { printLine, printTable } from './print.ts';

/** Prints states as a table for people. */
export function printStates({ history, states }: StatesFile): void {
  printLine(`${states.length} states of ${history.seconds.toLocaleString('en')} s in ${history.traces} traces`);
  const rows = states.map(({ mbps, fromMbps }, i) => [
    `${i}`,
    fromMbps.toFixed(3),
    states[i + 1]?.fromMbps.toFixed(3) ?? '',
    mbps.toFixed(3),
  ]);
  printTable(['state', 'from Mbit/s', 'to Mbit/s', 'planned Mbit/s'], rows, [0, 1, 2, 3]);
}
