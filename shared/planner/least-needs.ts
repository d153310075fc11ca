import { chunkLimitsFor } from '../protocol/chunking.ts';
import { admissibleMs, fastestLocalMs, totalsOn } from './admissible-plans.ts';
import { deviceFactor, type PlanningInput } from './predict.ts';
import type { PreparedPlan } from './prepared-plans.ts';
import { transferMs, wireBytes } from './wire-bytes.ts';

/** No link is faster: what needs more is not to be had, Mbit/s. */
const mostUplinkMbps = 100_000;
/** How far above the least rate the answer may lie. */
const relativeTolerance = 1e-6;

/**
 * The least deadline above the policy's that some plan meets. A plan that is not admissible now is so at a deadline
 * that leaves time for its head, the margin and a rescue, and at any that the device alone cannot meet.
 * @param input one whose deadline no plan meets
 * @returns ms, exact: planned with this deadline, there is a plan
 */
export function leastDeadlineMs(input: PlanningInput): number {
  const { plans, policy, offload } = input;
  const factor = deviceFactor(input);
  const { deadlineMs, marginMs } = policy;
  const rescueMs = fastestLocalMs(input);
  const allowed = admissibleMs({ ...input, policy: { ...policy, deadlineMs: Number.POSITIVE_INFINITY } });
  const totalsMs = offload === null ? allowed : totalsOn(plans, allowed, offload.link);
  let least = Number.POSITIVE_INFINITY;
  for (const [i, { isLocal, headMs }] of plans.all.entries()) {
    const inTimeMs = (totalsMs[i] ?? 0) + marginMs;
    const needsNoRescue = isLocal || (deadlineMs < rescueMs && inTimeMs < rescueMs);
    const savableMs = headMs * factor + marginMs + rescueMs;
    least = Math.min(least, needsNoRescue ? inTimeMs : Math.max(inTimeMs, savableMs));
  }
  return least;
}

/**
 * The least uplink rate at which some plan meets the deadline; the downlink, the rtt and the queue stay.
 * T falls as the rate rises: no chunk count grows with it. So a bisection for each plan that the best rate so far
 * serves; the others need more.
 * @param fixed of each plan the part of T that no bandwidth changes, ms; infinite where it is not admissible
 * @returns Mbit/s at which a plan meets the deadline, at most a millionth above the least; null: no rate does
 */
export function leastUplinkMbps({ plans, offload, policy }: PlanningInput, fixed: Float64Array): number | null {
  if (offload === null) return null;
  const { uplinkMbps, downlinkMbps } = offload.link;
  let best = mostUplinkMbps;
  let isMet = false;
  for (const [i, prepared] of plans.all.entries()) {
    const downMs = transferMs(prepared.replyBytes, downlinkMbps);
    const meets = (mbps: number): boolean =>
      (fixed[i] ?? Number.POSITIVE_INFINITY) + uploadMs(prepared, mbps) + downMs + policy.marginMs <= policy.deadlineMs;
    if (prepared.isLocal || !meets(isMet ? best * (1 - relativeTolerance) : best)) continue;
    isMet = true;
    best = bisect(uplinkMbps, best, meets);
  }
  return isMet ? best : null;
}

function uploadMs({ uploads, plan }: PreparedPlan, mbps: number): number {
  return transferMs(wireBytes(uploads, plan.encoding, chunkLimitsFor(mbps)), mbps);
}

/** @param low a rate that does not serve @param high one that does @returns one that does, next to one that does not */
function bisect(low: number, high: number, serves: (mbps: number) => boolean): number {
  let [below, above] = [low, high];
  while (above - below > relativeTolerance * above) {
    const middle = (below + above) / 2;
    if (serves(middle)) above = middle;
    else below = middle;
  }
  return above;
}
