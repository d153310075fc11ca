import { statesFileParser } from '../../shared/protocol/states-file.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import {
  type ControlPlaneAccess,
  changeStates,
  fetchStates,
  type StatesInForce,
} from '../platform/bandwidth-states.ts';
import { printJson, printLine } from './print.ts';
import { printStates } from './print-states.ts';
import { readInput } from './read-input.ts';

export interface ControlOptions {
  readonly controlPlane: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** `edgent states show`. */
export async function showStatesCommand(options: ControlOptions): Promise<void> {
  print(await fetchStates(accessOf(options)), options);
}

/** `edgent states set`. @throws {FleetError} `not-found`, `file-invalid`, `bandwidth-states-invalid`; what `ask` throws */
export async function setStatesCommand(file: string, options: ControlOptions): Promise<void> {
  print(await changeStates(accessOf(options), await readInput(file, statesFileParser)), options);
}

/** `edgent states reset`. */
export async function resetStatesCommand(options: ControlOptions): Promise<void> {
  print(await changeStates(accessOf(options), null), options);
}

function accessOf({ controlPlane, token }: ControlOptions): ControlPlaneAccess {
  if (token === undefined) throw new FleetError('usage', 'name the admin token by --token or EDGENT_TOKEN');
  return { controlPlane, token };
}

function print(states: StatesInForce, { json }: ControlOptions): void {
  if (json) {
    printJson(states);
    return;
  }
  printLine(`version ${states.version}, ${states.source}: ${states.madeBy}`);
  printStates(states);
}
