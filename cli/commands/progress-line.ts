import { type Clock, systemClock } from '../../shared/runtime/clock.ts';

/** One line that says how far something is: drawn over itself in a terminal, written now and then elsewhere. */
export interface ProgressLine {
  show(text: string): void;
  /** Leaves the last one where it is. */
  end(): void;
}

const terminalMs = 200;
const linesMs = 5000;

export function createProgressLine(
  output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
  clock: Pick<Clock, 'nowMs'> = systemClock,
): ProgressLine {
  const { isTTY } = output;
  let latest = '';
  let written = '';
  let nextMs = Number.NEGATIVE_INFINITY;

  function write(): void {
    if (latest !== written) output.write(isTTY ? `\r\x1b[K${latest}` : `${latest}\n`);
    written = latest;
  }

  return {
    show(text) {
      latest = text;
      if (clock.nowMs() < nextMs) return;
      nextMs = clock.nowMs() + (isTTY ? terminalMs : linesMs);
      write();
    },
    end() {
      write();
      if (isTTY && written !== '') output.write('\n');
      latest = '';
      written = '';
    },
  };
}
