import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Corrector } from './corrector.ts';
import { fastestExit, type LocalTiming } from './local-timing.ts';
import type { Situation } from './service.ts';

export interface RehearsalOptions {
  situation: () => Situation;
  localTiming: LocalTiming;
  corrector: Pick<Corrector, 'learnFastest'>;
  log: Log;
}

/**
 * Runs whole branches while no frame runs: what a fallback must leave time for. Nothing waits for it; that one failed is
 * logged.
 * @param exits of which the first that is due is run
 */
export function rehearse(options: RehearsalOptions, exits: readonly number[]): void {
  const { situation, localTiming, corrector, log } = options;
  localTiming
    .rehearse(exits, async (exit) => {
      const run = await runWhole(situation(), exit);
      if (exit === fastestExit) corrector.learnFastest(run.computeMs);
      return run;
    })
    .catch((error: unknown) => {
      if (!isFleetError(error, 'inference-closed')) log.warn({ reason: messageOf(error) }, 'rehearsal failed');
    });
}

function runWhole({ model }: Situation, exit: number): Promise<{ computeMs: number }> {
  const { shape } = model.package.manifest.input;
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5);
  const partition = (model.shape.exits[exit - 1]?.cuts.length ?? 1) - 1;
  const branch = { exit, partition, direction: 'device-first' } as const;
  return model.segments.run(branch, [{ data, dims: [1, ...shape] }]);
}
