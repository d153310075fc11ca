import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Corrector, Rehearsal } from './corrector.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { LocalTiming } from './local-timing.ts';
import type { Situation } from './service.ts';

export interface RehearsalOptions {
  situation: () => Situation;
  localTiming: LocalTiming;
  corrector: Pick<Corrector, 'learnRehearsal'>;
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
      const { model } = situation();
      const rehearsed = await runWhole(model, exit);
      corrector.learnRehearsal(rehearsed);
      return rehearsed;
    })
    .catch((error: unknown) => {
      if (!isFleetError(error, 'inference-closed')) log.warn({ reason: messageOf(error) }, 'rehearsal failed');
    });
}

async function runWhole({ package: { manifest }, shape, segments }: LoadedModel, exit: number): Promise<Rehearsal> {
  const dims = manifest.input.shape;
  const data = new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(0.5);
  const partition = (shape.exits[exit - 1]?.cuts.length ?? 1) - 1;
  const branch = { exit, partition, direction: 'device-first' } as const;
  const { computeMs } = await segments.run(branch, [{ data, dims: [1, ...dims] }]);
  return { exit, segment: segments.nameOf(branch), computeMs };
}
