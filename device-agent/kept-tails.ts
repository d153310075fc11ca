import type { Clock } from '../shared/runtime/clock.ts';
import type { DevicePart, Segments } from './segments.ts';

/**
 * The tails that fallbacks go on with: loaded in the gaps of service, never when one is needed.
 * INVARIANTS: none is loaded where frames follow each other so closely that the next one would have to wait for it; one is
 * loaded at a time; `maxTails` are kept, those of the plans that were run last; one that could not be loaded is not tried
 * again.
 */
export interface KeptTails {
  /**
   * Loads what a fallback from this plan lacks next.
   * @param plan one that has just been run
   * @param gapMs for how long the device had nothing to do before
   * @throws {FleetError} `inference-failed` where the runtime refuses a tail
   */
  keepFor(plan: DevicePart, gapMs: number): Promise<void>;
}

/** Whole branches and the heads of recent plans need their places too. */
export const maxTails = 8;
/** A gap is long enough for what takes half of it: the next one may be shorter. */
const gapShare = 0.5;

export interface KeptTailsOptions {
  segments: Pick<Segments, 'continuing' | 'has' | 'prepare' | 'release'>;
  clock: Pick<Clock, 'nowMs'>;
  /** What loading one takes at most, before any was loaded, ms. */
  loadMs: number;
}

export function createKeptTails({ segments, clock, loadMs }: KeptTailsOptions): KeptTails {
  let longestMs = loadMs;
  const refused = new Set<DevicePart>();
  /** Loaded here, the one of the plan that was run longest ago first. */
  let kept: DevicePart[] = [];
  let isLoading = false;

  async function load(tail: DevicePart): Promise<void> {
    isLoading = true;
    const startMs = clock.nowMs();
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
      longestMs = Math.max(longestMs, clock.nowMs() - startMs);
      isLoading = false;
    }
  }

  return {
    async keepFor(plan, gapMs) {
      const wanted = wantedOf(segments.continuing(plan), plan);
      const isWanted = (tail: DevicePart): boolean => wanted.includes(tail);
      kept = [...kept.filter((tail) => !isWanted(tail)), ...kept.filter(isWanted)];
      const missing = wanted.find((tail) => !segments.has(tail) && !refused.has(tail));
      if (missing !== undefined && !isLoading && longestMs <= gapShare * gapMs) await load(missing);
    },
  };
}

/** That of the plan's own exit, which is the best, and that of the shallowest, which is the fastest. */
function wantedOf(tails: readonly DevicePart[], { exit }: DevicePart): DevicePart[] {
  const own = tails.filter((tail) => tail.exit === exit);
  const shallowest = tails.slice(0, 1).filter((tail) => tail.exit !== exit);
  return [...own, ...shallowest];
}
