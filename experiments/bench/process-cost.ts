import { readdirSync, readFileSync } from 'node:fs';
import { FleetError } from '../../shared/runtime/errors.ts';

/** What a process has taken of the machine so far, as Linux tells it. */
export interface ProcessCost {
  /** On the processors, all its threads together, ms. */
  cpuMs: number;
  /** Resident, MiB. */
  memoryMib: number;
}

const pageBytes = 4096;

/** @throws {FleetError} `experiment-failed` where there is no such process, or no Linux */
export function costOfProcess(pid: number | undefined): ProcessCost {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const cpuNs = threads.reduce((sum, thread) => sum + numberIn(`/proc/${pid}/task/${thread}/schedstat`, 0), 0);
    const pages = numberIn(`/proc/${pid}/statm`, 1);
    return { cpuMs: cpuNs / 1e6, memoryMib: (pages * pageBytes) / 2 ** 20 };
  } catch (cause) {
    throw new FleetError('experiment-failed', `what process ${pid} costs cannot be read`, { cause });
  }
}

/** @returns the number at a place of a line of numbers */
function numberIn(file: string, place: number): number {
  return Number(readFileSync(file, 'utf8').split(/\s+/)[place]);
}
