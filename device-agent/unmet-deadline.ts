import { planStatic } from '../shared/planner/algorithm-1.ts';
import { linkIn } from '../shared/planner/algorithm-2.ts';
import { type PlanningInput, reserveOf } from '../shared/planner/predict.ts';
import type { DecisionRecord } from '../shared/protocol/decision-record.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Decision } from './decision.ts';

/** A decision with the input that it was made on. */
interface Planned {
  decision: Decision;
  input: PlanningInput;
}

/** @returns deadline less margin, less what the device takes longer at its slowest, less predicted T, ms */
export function slackOf({ decision: { candidate }, input }: Planned): number {
  const { prediction } = candidate;
  return input.policy.deadlineMs - reserveOf(input, prediction) - prediction.totalMs;
}

/**
 * @returns what deadline or uplink rate would do where no plan of the policy meets the deadline, on the link that was
 *   planned for; undefined where one meets it, or the policy leaves none
 */
export function neededFor(planned: Planned): DecisionRecord['needed'] {
  if (slackOf(planned) >= 0) return undefined;
  const result = planStatic(onPlannedLink(planned));
  if (result.kind !== 'infeasible') return undefined;
  return { deadlineMs: result.neededDeadlineMs, uplinkMbps: result.neededUplinkMbps };
}

/** A link about its least rate goes to and fro: nobody reads more of it than this, ms. */
const leastGapMs = 10_000;

/**
 * Tells when no plan meets the deadline any longer, with what would do, and when one does again.
 * INVARIANT: lines alternate, and there are at least `leastGapMs` between a line or search and the next.
 * @returns to be told of each frame; what a frame before it still computes does not count, for that passes
 */
export function createUnmetDeadlineNotice(clock: Pick<Clock, 'nowMs'>, log: Pick<Log, 'warn' | 'info'>) {
  let isUnmet = false;
  let nextMs = Number.NEGATIVE_INFINITY;

  return (planned: Planned): void => {
    const { input } = planned;
    const isLate = slackOf(planned) + (input.busyMs ?? 0) < 0;
    if (isLate === isUnmet || clock.nowMs() < nextMs) return;
    const { deadlineMs } = input.policy;
    nextMs = clock.nowMs() + leastGapMs;
    if (!isLate) {
      isUnmet = false;
      log.info({ deadlineMs }, 'a plan meets the deadline again');
      return;
    }
    const needed = neededFor({ ...planned, input: { ...input, busyMs: 0 } });
    // A forced plan, or one that runs until a better one is loaded, is late without that.
    if (needed === undefined) return;
    isUnmet = true;
    log.warn(
      { deadlineMs, neededDeadlineMs: rounded(needed.deadlineMs), neededUplinkMbps: rounded(needed.uplinkMbps) },
      'no plan meets the deadline: either of these would do',
    );
  };
}

/** Upwards, so that what is told does. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.ceil(value * 100) / 100;
}

/** A decision by the map is for the rate of its state. */
function onPlannedLink({ decision: { dynamic }, input }: Planned): PlanningInput {
  const { offload } = input;
  if (dynamic === undefined || offload === null) return input;
  return { ...input, offload: { ...offload, link: linkIn(dynamic.state, offload.link) } };
}
