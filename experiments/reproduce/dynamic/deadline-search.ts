import type { TraceSet } from '../../detectors/trace-sets.ts';
import type { Costs } from '../costs.ts';
import type { Allowance } from './allowances.ts';
import type { DeadlineTrial } from './data.ts';
import { alwaysEdge, alwaysExit1, alwaysLocal } from './methods/always.ts';
import type { DynamicMethod } from './methods/method.ts';
import { oracle } from './methods/oracle.ts';
import { mapFor, mappings, p99SlownessOf, replayOn, stageOf, statesOfOthers } from './place.ts';
import { replay } from './replay.ts';
import { createTally, rounded } from './summary.ts';

/** Deadlines that are tried, in units of exit 1's local p99. */
export const triedTimes = [1.5, 1.75, 2, 2.5, 3] as const;
/** Below this share of the oracle's, what needs no planning leaves something to plan for. */
export const plainShare = 0.9;
/** Every so many traces are enough to choose a deadline by. */
const everyTrace = 8;

/**
 * @param times deadlines, in units of exit 1's local p99
 * @returns for each deadline that the oracle meets at all what comes of the three ways that need no planning, as shares of
 *   the oracle's
 */
export function tryDeadlines(tried: Tried, times: readonly number[]): DeadlineTrial[] {
  const exit1P99Ms = exit1P99(tried);
  return times.flatMap((timesExit1) => {
    const deadlineMs = rounded(timesExit1 * exit1P99Ms, 1);
    const of = (method: DynamicMethod): number => accuracyOf({ ...tried, deadlineMs }, method);
    const best = of(oracle);
    if (best === 0) return [];
    const share = (method: DynamicMethod): number => rounded(of(method) / best, 4);
    const [exit1, local, edge] = [share(alwaysExit1), share(alwaysLocal), share(alwaysEdge)];
    return { deadlineMs, timesExit1, alwaysExit1: exit1, alwaysLocal: local, alwaysEdge: edge };
  });
}

/** @returns the first deadline at which the deepest exit on either side alone stays below the share, else the first */
export function chooseDeadline(trials: readonly DeadlineTrial[]): DeadlineTrial | undefined {
  return trials.find(leavesRoom) ?? trials[0];
}

/** Whether neither the device alone nor the worker alone does with the deepest exit. */
export function leavesRoom({ alwaysLocal, alwaysEdge: edge }: DeadlineTrial): boolean {
  return alwaysLocal < plainShare && edge < plainShare;
}

/** @returns exit 1's local 99th percentile at a place, ms */
export function exit1P99({ costs, deviceVariation }: Pick<Tried, 'costs' | 'deviceVariation'>): number {
  const { costs: place } = stageOf(costs, { allowed: 'all', objective: 'accuracy', deadlineMs: 1, deviceVariation });
  return place.fastestLocalMs * p99SlownessOf(deviceVariation);
}

/** @returns from one frame to the next, ms: what one frame began on the device has ended before the next one comes */
export function periodOf(deadlineMs: number, exit1P99Ms: number): number {
  return Math.ceil((deadlineMs + exit1P99Ms) / 100) * 100;
}

/** What deadlines are tried on. */
export interface Tried {
  costs: Costs;
  allowed: Allowance;
  sets: readonly TraceSet[];
  /** Coefficient of variation of what the device's own runs take. */
  deviceVariation: number;
}

function accuracyOf({ sets, deadlineMs, ...tried }: Tried & { deadlineMs: number }, method: DynamicMethod): number {
  const stage = stageOf(tried.costs, { ...tried, objective: 'accuracy', deadlineMs });
  const tally = createTally('accuracy', deadlineMs);
  const periodMs = periodOf(deadlineMs, exit1P99(tried));
  for (const { traces } of sets) {
    const statesOf = statesOfOthers(traces.slice(0, 2), mappings.accuracy);
    for (const [index, trace] of traces.entries()) {
      if (index % everyTrace !== 0) continue;
      const map = mapFor(stage, statesOf(index));
      for (const frame of replay(replayOn(stage, { method, trace, index, map, periodMs }))) tally.add(frame);
    }
  }
  return tally.summary(method.name).accuracyIfMet;
}
