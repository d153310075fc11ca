import { startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { createProfileDrafts } from '../../shared/adapters/profile-drafts.ts';
import { hardwareClass, profileModel, profilingSessions } from '../../shared/adapters/profile-model.ts';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { requirePlaceFor } from '../out-file.ts';
import { listenForStop } from '../until-stopped.ts';
import { openModel } from './model-source.ts';
import { printLine } from './print.ts';
import { createProgressLine } from './progress-line.ts';

export interface MeasureOptions {
  readonly out?: string;
  readonly tier: Profile['tier'];
  readonly threads: number;
  readonly runs: number;
  /** Seconds. */
  readonly budget: number;
  /** Keeps what was measured until the profile is written. */
  readonly state: string;
  readonly fresh: boolean;
}

/**
 * `edgent profile measure`: goes on from what an interrupted run of the same kind has measured.
 * @throws {FleetError} `experiment-stopped` when it is asked to stop; what measuring throws
 */
export async function measureCommand(path: string, options: MeasureOptions): Promise<void> {
  const { out, tier, threads, runs, budget, state, fresh } = options;
  await requirePlaceFor(out);
  const { graph, digest } = await openModel(path);
  const shapes = await traceShapes(graph);
  const thread = startInferenceThread({ maxSessions: profilingSessions });
  const drafts = createProfileDrafts({ folder: state, clock: systemClock, log: createLog('profile', 'warn') });
  const stop = listenForStop();
  const line = createProgressLine(process.stderr);
  let continued = '';
  try {
    if (fresh) await drafts.drop(digest);
    const profile = await profileModel({
      ...{ thread, graph, shapes, digest, tier, threads, runs, hardwareClass: hardwareClass() },
      budgetMs: 1000 * budget,
      drafts,
      onContinued: (kept) => {
        continued = `, ${kept} of them from the run that was stopped (--fresh begins anew)`;
      },
      onProgress: (done, total) => line.show(`measuring: ${done} of ${total} runs${continued}`),
      signal: stop.signal,
    });
    line.end();
    if (out === undefined) printLine(JSON.stringify(profile));
    else await writeAtomically(out, `${JSON.stringify(profile)}\n`);
    await drafts.drop(digest);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new FleetError('experiment-stopped', 'measuring was asked to stop', { cause: error });
  } finally {
    line.end();
    stop.release();
    await thread.close();
  }
}
