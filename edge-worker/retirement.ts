import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { ServedModel, ServedModels } from './served-models.ts';
import { every } from './timing.ts';

export interface RetirementOptions {
  models: Pick<ServedModels, 'all' | 'asked' | 'remove'>;
  unload(model: ServedModel): void;
  /** A model that nobody has asked for so long is let go, ms. */
  quietMs: number;
  /** It is let go in any case after so long, ms. */
  limitMs: number;
  clock: Clock;
  log: Log;
}

/**
 * Lets models go that the configuration names no longer: not at once, for devices change to their new model one by one
 * and send frames of the old one until they have it.
 * INVARIANT: a model that is wanted is never let go; one that is not is served for `limitMs` at most.
 */
export interface Retirement {
  /** @param digests of the models that are wanted from now on */
  keepOnly(digests: readonly string[]): void;
  close(): void;
}

interface Retired {
  readonly model: ServedModel;
  readonly sinceMs: number;
  /** Since when nobody has asked for it, and how often it had been asked for by then. */
  quietSinceMs: number;
  asked: number;
}

/** Checks in `quietMs`: it is let go that much later at most. */
const checksAQuietTime = 4;
const leastCheckMs = 10;

export function createRetirement(options: RetirementOptions): Retirement {
  const { models, unload, quietMs, limitMs, clock, log } = options;
  const retired = new Map<string, Retired>();

  function check(): void {
    const nowMs = clock.nowMs();
    for (const [digest, each] of retired) {
      const asked = models.asked(digest);
      if (asked !== each.asked) Object.assign(each, { asked, quietSinceMs: nowMs });
      if (nowMs - each.quietSinceMs < quietMs && nowMs - each.sinceMs < limitMs) continue;
      retired.delete(digest);
      models.remove(digest);
      unload(each.model);
      log.info({ model: digest, servedMs: Math.round(nowMs - each.sinceMs) }, 'model let go');
    }
  }

  const stop = every(clock, Math.max(leastCheckMs, quietMs / checksAQuietTime), check);
  return {
    keepOnly(digests) {
      const nowMs = clock.nowMs();
      const wanted = new Set(digests);
      for (const digest of digests) retired.delete(digest);
      for (const model of models.all()) {
        const { digest } = model;
        if (wanted.has(digest) || retired.has(digest)) continue;
        retired.set(digest, { model, sinceMs: nowMs, quietSinceMs: nowMs, asked: models.asked(digest) });
      }
    },
    close: stop,
  };
}
