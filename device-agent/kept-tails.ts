import type { DevicePart, Segments } from './segments.ts';

/**
 * The tails that fallbacks go on with: loaded beside service, never when one is needed.
 * INVARIANTS: one is loaded at a time, so that a frame which comes meanwhile waits for one at most; `maxTails` are kept,
 * those of the plans that were run last; one that could not be loaded is not tried again.
 */
export interface KeptTails {
  /**
   * Loads what a fallback from this plan lacks next.
   * @param plan one that has just been run
   * @throws {FleetError} `inference-failed` where the runtime refuses a tail
   */
  keepFor(plan: DevicePart): Promise<void>;
}

/** Whole branches and the heads of recent plans need their places too. */
export const maxTails = 8;

export function createKeptTails(segments: Pick<Segments, 'continuing' | 'has' | 'prepare' | 'release'>): KeptTails {
  const refused = new Set<DevicePart>();
  /** Loaded here, the one of the plan that was run longest ago first. */
  let kept: DevicePart[] = [];
  let isLoading = false;

  async function load(tail: DevicePart): Promise<void> {
    isLoading = true;
    try {
      const [oldest] = kept;
      if (kept.length >= maxTails && oldest !== undefined) {
        kept = kept.slice(1);
        await segments.release(oldest);
      }
      await segments.prepare(tail);
      kept = [...kept.filter((each) => each !== tail), tail];
    } catch (error) {
      refused.add(tail);
      throw error;
    } finally {
      isLoading = false;
    }
  }

  return {
    async keepFor(plan) {
      const wanted = wantedOf(segments.continuing(plan), plan);
      const isWanted = (tail: DevicePart): boolean => wanted.includes(tail);
      kept = [...kept.filter((tail) => !isWanted(tail)), ...kept.filter(isWanted)];
      const missing = wanted.find((tail) => !segments.has(tail) && !refused.has(tail));
      if (missing !== undefined && !isLoading) await load(missing);
    },
  };
}

/** That of the plan's own exit, which is the best, and that of the shallowest, which is the fastest. */
function wantedOf(tails: readonly DevicePart[], { exit }: DevicePart): DevicePart[] {
  const own = tails.filter((tail) => tail.exit === exit);
  const shallowest = tails.slice(0, 1).filter((tail) => tail.exit !== exit);
  return [...own, ...shallowest];
}
