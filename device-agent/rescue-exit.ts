import { mostAccurate, none } from '../shared/planner/choice.ts';
import type { Policy } from '../shared/protocol/messages.ts';

/** A branch that is loaded on the device, whole or what is left of it behind a cut, as a fallback sees it. */
export interface RescueBranch {
  exit: number;
  /** Top-1, 0..1. */
  accuracy: number;
  /** What it takes, by its profile, ms. */
  predictedMs: number;
  /** What it takes at its slowest, as the device runs now, ms. */
  slowMs: number;
  /** What is left for it where a reply is waited for as long as it allows, ms. */
  reserveMs: number;
}

/** What of a policy a fallback depends on. */
export type RescuePolicy = Pick<Policy, 'deadlineMs' | 'marginMs' | 'accuracyTolerance'>;

/**
 * A branch that takes no larger share of the deadline, at its slowest, is cheap: a reply is waited for so much less long
 * that a frame can still end on it. Of the replies that come at all few come in that twentieth, and a reply that comes
 * while a local exit runs is used yet (device-first).
 */
export const cheapShare = 0.05;

/** What of the margin a timer that fires late may take from a cheap branch; past it the fastest is run. */
const lateShare = 0.5;

/**
 * What a reply is waited for with a view to.
 * @param leftMs until the deadline
 * @returns the most accurate of the cheap branches that can still be left time for, else the one that least must be left
 *   for; undefined where none is loaded
 */
export function rescueTarget<B extends RescueBranch>(
  branches: readonly B[],
  policy: RescuePolicy,
  leftMs: number,
): B | undefined {
  const cheap = branches.filter((branch) => isCheap(branch.slowMs, policy));
  const inTime = cheap.filter(({ reserveMs }) => reserveMs + policy.marginMs <= leftMs);
  return best(inTime, policy) ?? branches.toSorted((a, b) => a.reserveMs - b.reserveMs)[0];
}

/**
 * What a frame is finished on after its plan has failed.
 * @param leftMs until the deadline, from when the thread is free
 * @returns the most accurate branch that fits, even at its slowest, else the fastest; undefined where none is loaded
 */
export function rescueExit<B extends RescueBranch>(
  branches: readonly B[],
  policy: RescuePolicy,
  leftMs: number,
): B | undefined {
  const { marginMs } = policy;
  const keptMs = (slowMs: number): number => (isCheap(slowMs, policy) ? (1 - lateShare) * marginMs : marginMs);
  const fitting = branches.filter(({ slowMs }) => slowMs + keptMs(slowMs) <= leftMs);
  return best(fitting, policy) ?? fastestOf(branches);
}

/**
 * What has to be run now and then for the sake of its time: exit 1, and what is cheap by its profile. That it was slow
 * for once must not keep a branch from being timed anew.
 * @returns exits, exit 1 first
 */
export function rehearsedExits(branches: readonly RescueBranch[], policy: RescuePolicy): number[] {
  const cheap = branches.filter(({ predictedMs }) => isCheap(predictedMs, policy));
  return [...new Set([1, best(cheap, policy)?.exit ?? 1])];
}

function isCheap(ms: number, { deadlineMs }: RescuePolicy): boolean {
  return ms <= cheapShare * deadlineMs;
}

/** By the one order of preference: accuracies within the policy's tolerance are equal, then the least time. */
function best<B extends RescueBranch>(branches: readonly B[], { accuracyTolerance }: RescuePolicy): B | undefined {
  const plans = {
    accuracy: Float64Array.from(branches, ({ accuracy }) => accuracy),
    exit: Uint16Array.from(branches, ({ exit }) => exit),
  };
  const totalsMs = Float64Array.from(branches, ({ slowMs }) => slowMs);
  const reserveMs = new Float64Array(branches.length);
  const index = mostAccurate({ plans, totalsMs, reserveMs }, { deadlineMs: Number.MAX_VALUE, accuracyTolerance });
  return index === none ? undefined : branches[index];
}

/** @returns what ends soonest by its profile; undefined where nothing is loaded */
export function fastestOf<B extends RescueBranch>(branches: readonly B[]): B | undefined {
  return branches.toSorted((a, b) => a.predictedMs - b.predictedMs)[0];
}
