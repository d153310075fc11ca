import { readdirSync, readFileSync } from 'node:fs';

/** @returns the ids of all processes whose command line or environment contains this text, this process left out */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => mentions(`/proc/${pid}/cmdline`, text) || mentions(`/proc/${pid}/environ`, text));
}

function mentions(file: string, text: string): boolean {
  try {
    return readFileSync(file).includes(text);
  } catch {
    // It has ended meanwhile, or belongs to somebody else.
    return false;
  }
}

/** Ends whatever a failed test left running. */
export function killProcessesWith(text: string): void {
  for (const pid of processesWith(text)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
