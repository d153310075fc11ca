import { readFileSync } from 'node:fs';
import { type StateDetectorSnapshot, stateDetectorSnapshotParser } from '../shared/planner/state-detector.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

/** @returns what an earlier process knew of the bandwidth; undefined where there is none or it is unreadable */
export function readDetectorFile(path: string, log: Pick<Log, 'warn'>): StateDetectorSnapshot | undefined {
  try {
    return stateDetectorSnapshotParser.parseJson(readFileSync(path));
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent) log.warn({ path, reason: messageOf(error) }, 'what was known of the bandwidth is dropped');
    return undefined;
  }
}
