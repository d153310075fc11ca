import type { ModelDescription } from '../shared/model/describe-model.ts';
import { passedExit, thresholdOf } from '../shared/model/early-exit.ts';
import type { Manifest } from '../shared/model/manifest.ts';
import type { Candidate, Plan } from '../shared/planner/plan.ts';
import type { Policy } from '../shared/protocol/messages.ts';
import type { DevicePart, Segments } from './segments.ts';

/** An exit that the head of a plan passes, and that may end the frame. */
export interface EarlyExit {
  /** The plan's head, which also gives what this exit goes on from. */
  head: DevicePart;
  /** What is left of this exit's branch behind that. */
  side: DevicePart;
  /** It answers where the entropy of its output is below, nats. */
  threshold: number;
}

/**
 * Which exits may be asked before a cut is sent, and their segments.
 * INVARIANT: what could not be loaded is not tried again.
 */
export interface EarlyExits {
  /** @returns what the policy allows to be asked under this plan; undefined where it allows none, or the head passes none */
  of(
    policy: Pick<Policy, 'earlyExit' | 'minimumAccuracy'>,
    planned: Pick<Candidate, 'plan' | 'accuracy'>,
  ): EarlyExit | undefined;
  isReady(early: EarlyExit): boolean;
  /**
   * Loads what is missing, unless it is being loaded.
   * @throws {FleetError} `inference-failed` where the runtime refuses a segment
   */
  prepare(early: EarlyExit): Promise<void>;
}

export interface EarlyExitsOptions {
  description: ModelDescription;
  manifest: Pick<Manifest, 'exits'>;
  segments: Pick<Segments, 'has' | 'prepare' | 'nameOf'>;
}

export function createEarlyExits({ description, manifest, segments }: EarlyExitsOptions): EarlyExits {
  /** By exit and partition of the plan. */
  const passed = new Map<string, ReturnType<typeof passedExit>>();
  const [loading, refused] = [new Set<string>(), new Set<string>()];

  function passedBy({ exit, partition }: Plan): ReturnType<typeof passedExit> {
    const key = `${exit}/${partition}`;
    // With the last layer of the branch nothing is sent.
    const sends = partition < (description.branches[exit - 1]?.layers.length ?? 0);
    if (!passed.has(key)) passed.set(key, sends ? passedExit(description, exit, partition) : undefined);
    return passed.get(key);
  }

  async function load(part: DevicePart): Promise<void> {
    const name = segments.nameOf(part);
    if (segments.has(part) || loading.has(name) || refused.has(name)) return;
    loading.add(name);
    try {
      await segments.prepare(part);
    } catch (error) {
      refused.add(name);
      throw error;
    } finally {
      loading.delete(name);
    }
  }

  return {
    of({ earlyExit, minimumAccuracy }, { plan, accuracy }) {
      const { exit, partition, direction } = plan;
      if (earlyExit === null || direction !== 'device-first') return undefined;
      if (accuracy - earlyExit.accuracyLoss < minimumAccuracy) return undefined;
      const tap = passedBy(plan);
      const entry = manifest.exits[(tap?.exit ?? 0) - 1];
      const threshold = entry && thresholdOf(entry, earlyExit.accuracyLoss);
      if (tap === undefined || threshold === undefined) return undefined;
      return { head: { exit, partition, direction, tap }, side: { ...tap, direction: 'edge-first' }, threshold };
    },
    isReady: ({ head, side }) => segments.has(head) && segments.has(side),
    async prepare({ head, side }) {
      await load(head);
      await load(side);
    },
  };
}
