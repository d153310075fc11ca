import { join } from 'node:path';
import { decisionsFile } from '../shared/protocol/decision-record.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import { createDecisionLog, type Decided } from './decision-log.ts';
import { readDetectorFile } from './detector-file.ts';
import { createDynamicConfigurator, type DynamicConfigurator } from './dynamic-configurator.ts';
import { createKeptFile } from './kept-file.ts';
import { createUnmetDeadlineNotice } from './unmet-deadline.ts';

/**
 * Decides by the map, keeps on disk what it was decided on and what is known of the bandwidth, and tells of a deadline
 * that cannot be met.
 */
export interface DecisionKeeping {
  readonly configurator: DynamicConfigurator;
  onDecision(decided: Decided): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

export interface DecisionKeepingOptions {
  device: string;
  dataFolder: string;
  /** Decisions that are kept. */
  limit: number;
  clock: Clock;
  log: Log;
}

/** A change is there to be asked for soon, … */
const decisionsGapMs = 1000;
/** … while what has only grown by a frame can wait: what a device stores on wears out. */
const refreshMs = 10_000;
const detectorGapMs = 5000;
const detectorFileName = 'detector.json';

export function createDecisionKeeping({
  device,
  dataFolder,
  limit,
  clock,
  log,
}: DecisionKeepingOptions): DecisionKeeping {
  const detectorPath = join(dataFolder, detectorFileName);
  const configurator = createDynamicConfigurator({ clock, restored: readDetectorFile(detectorPath, log), log });
  const decisions = createDecisionLog({ device, limit, clock });
  const file = (name: string, leastGapMs: number, content: () => unknown) =>
    createKeptFile({ path: join(dataFolder, name), leastGapMs, content, clock, log });
  const decisionFile = file(decisionsFile, decisionsGapMs, decisions.content);
  const detectorFile = file(detectorFileName, detectorGapMs, configurator.snapshot);
  const noticeUnmet = createUnmetDeadlineNotice(clock, log);
  let refreshedAtMs = clock.nowMs();
  return {
    configurator,
    onDecision(decided) {
      const isAnother = decisions.record(decided);
      noticeUnmet(decided);
      if (isAnother || clock.nowMs() - refreshedAtMs > refreshMs) {
        refreshedAtMs = clock.nowMs();
        decisionFile.changed();
      }
      if (decided.decision.dynamic !== undefined) detectorFile.changed();
    },
    async close() {
      await Promise.all([decisionFile.close(), detectorFile.close()]);
    },
  };
}
