import { chunkLimitsFor } from '../protocol/chunking.ts';
import { type Admissible, admissible, imageMs, rescueOf, savableMs, totalsOn } from './admissible-plans.ts';
import type { PlanningInput } from './predict.ts';
import type { PreparedPlan } from './prepared-plans.ts';
import { requestBytes, transferMs } from './wire-bytes.ts';

/** No link is faster: what needs more is not to be had, Mbit/s. */
const mostUplinkMbps = 100_000;
/** How far above the least rate the answer may lie. */
const relativeTolerance = 1e-6;

/**
 * The least deadline above the policy's that some plan meets. A plan that is not admissible now is so at a deadline
 * that leaves time for its head, a rescue and the margin, and at any that the device alone cannot meet.
 * @param input one whose deadline no plan meets
 * @returns ms, exact: planned with this deadline, there is a plan
 */
export function leastDeadlineMs(input: PlanningInput): number {
  const { plans, policy, offload } = input;
  const { deadlineMs } = policy;
  const rescue = rescueOf(input);
  const allowed = admissible({ ...input, policy: { ...policy, deadlineMs: Number.POSITIVE_INFINITY } });
  const totalsMs = offload === null ? allowed.fixedMs : totalsOn(plans, allowed.fixedMs, offload.link);
  let least = Number.POSITIVE_INFINITY;
  for (const [i, prepared] of plans.all.entries()) {
    const { isLocal, headMs } = prepared;
    const encodeMs = imageMs(input, prepared.plan);
    const inTimeMs = (totalsMs[i] ?? 0) + (allowed.reserveMs[i] ?? 0);
    const isHopeless = deadlineMs < rescue.soonestMs && inTimeMs < rescue.soonestMs;
    const needsNoRescue = isLocal || headMs + encodeMs === 0 || isHopeless;
    least = Math.min(least, needsNoRescue ? inTimeMs : Math.max(inTimeMs, savableMs(rescue, headMs, encodeMs)));
  }
  return least;
}

/**
 * The least uplink rate at which some plan meets the deadline; the downlink, the rtt and the queue stay.
 * T falls as the rate rises: no chunk count grows with it. So a bisection for each plan that the best rate so far
 * serves; the others need more.
 * @returns Mbit/s at which a plan meets the deadline, at most a millionth above the least; null: no rate does
 */
export function leastUplinkMbps(
  { plans, offload, policy }: PlanningInput,
  { fixedMs, reserveMs }: Admissible,
): number | null {
  if (offload === null) return null;
  const { uplinkMbps, downlinkMbps } = offload.link;
  let best = mostUplinkMbps;
  let isMet = false;
  for (const [i, prepared] of plans.all.entries()) {
    const downMs = transferMs(prepared.replyBytes, downlinkMbps);
    const fixed = fixedMs[i] ?? Number.POSITIVE_INFINITY;
    const reserve = reserveMs[i] ?? 0;
    const meets = (mbps: number): boolean => fixed + uploadMs(prepared, mbps) + downMs + reserve <= policy.deadlineMs;
    if (prepared.isLocal || !meets(isMet ? best * (1 - relativeTolerance) : best)) continue;
    isMet = true;
    best = bisect(uplinkMbps, best, meets);
  }
  return isMet ? best : null;
}

function uploadMs({ uploads, plan }: PreparedPlan, mbps: number): number {
  return transferMs(requestBytes(uploads, plan.encoding, chunkLimitsFor(mbps)), mbps);
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
