import type { SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import { maxReports } from '../../shared/protocol/telemetry.ts';
import type { SpooledReport } from './segment.ts';

/** What is said in one message. */
export interface Batch {
  boot: number;
  /** Of these numbers the device has these reports alone; undefined: it asks what the control plane has of the boot. */
  covers: SequenceRange | undefined;
  reports: readonly SpooledReport[];
}

/** Where batches come from. */
export interface BatchSource {
  /**
   * The same batch, or one more to the point, until it is accepted.
   * @param limitBytes of its reports; a single one may be larger
   */
  peek(limitBytes: number): Batch | undefined;
  /** The control plane has all of it. */
  accepted(batch: Batch): void;
}

/** @returns as many reports from the beginning as one message takes, at least one where there is one */
export function fitting(reports: readonly SpooledReport[], limitBytes: number): SpooledReport[] {
  const taken: SpooledReport[] = [];
  let bytes = 0;
  for (const report of reports) {
    bytes += Buffer.byteLength(report.json);
    if (taken.length >= maxReports || (taken.length > 0 && bytes > limitBytes)) break;
    taken.push(report);
  }
  return taken;
}

export function encodeBatch({ boot, covers, reports }: Batch): Buffer {
  const head = JSON.stringify({ schema: 1, boot, ...(covers === undefined ? {} : { covers }) }).slice(0, -1);
  return Buffer.from(`${head},"reports":[${reports.map(({ json }) => json).join(',')}]}`);
}
