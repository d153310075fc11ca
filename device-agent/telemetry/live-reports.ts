import { includesRange, type SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import { type BatchSource, fitting } from './batch.ts';
import { recordBytes, type SpooledReport } from './segment.ts';

/**
 * The newest reports, in memory: while the control plane answers, none is read from disk.
 * INVARIANT: what is not here any more, unless the control plane has it, is older than all that is here.
 */
export interface LiveReports extends BatchSource {
  /** @param reports in the order of their numbers, newer than all before */
  push(reports: readonly SpooledReport[]): void;
  /** The number of the oldest report here, or of the next one: what is older is to be read from disk. */
  from(): number;
  isEmpty(): boolean;
  /** Lets go what the control plane has. */
  release(held: readonly SequenceRange[]): void;
}

export interface LiveReportsOptions {
  boot: number;
  /** What is held at most; beyond it the oldest are left to the disk. */
  maxBytes: number;
}

export function createLiveReports({ boot, maxBytes }: LiveReportsOptions): LiveReports {
  let reports: SpooledReport[] = [];
  let next = 1;

  function trim(): void {
    let bytes = reports.reduce((sum, report) => sum + recordBytes(report), 0);
    while (bytes > maxBytes) {
      const oldest = reports.shift();
      if (oldest === undefined) return;
      bytes -= recordBytes(oldest);
    }
  }

  return {
    push(added) {
      reports.push(...added);
      next = (added.at(-1)?.sequence ?? next - 1) + 1;
      trim();
    },
    from: () => reports[0]?.sequence ?? next,
    isEmpty: () => reports.length === 0,
    release(held) {
      reports = reports.filter(({ sequence }) => !includesRange(held, { first: sequence, last: sequence }));
    },
    peek(limitBytes) {
      const taken = fitting(reports, limitBytes);
      const [first, last] = [taken[0]?.sequence, taken.at(-1)?.sequence];
      if (first === undefined || last === undefined) return undefined;
      return { boot, covers: { first, last }, reports: taken };
    },
    accepted: () => undefined,
  };
}
