import { startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { hardwareClass, profileModel, profilingSessions } from '../../shared/adapters/profile-model.ts';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
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
}

/** `edgent profile measure`. */
export async function measureCommand(path: string, options: MeasureOptions): Promise<void> {
  const { out, tier, threads, runs, budget } = options;
  const { graph, digest } = await openModel(path);
  const shapes = await traceShapes(graph);
  const thread = startInferenceThread({ maxSessions: profilingSessions });
  const stop = listenForStop();
  const line = createProgressLine(process.stderr);
  try {
    const profile = await profileModel({
      ...{ thread, graph, shapes, digest, tier, threads, runs, hardwareClass: hardwareClass() },
      budgetMs: 1000 * budget,
      onProgress: (done, total) => line.show(`measuring: ${done} of ${total} runs`),
      signal: stop.signal,
    });
    line.end();
    if (out === undefined) printLine(JSON.stringify(profile));
    else await writeAtomically(out, `${JSON.stringify(profile)}\n`);
  } finally {
    line.end();
    stop.release();
    await thread.close();
  }
}
