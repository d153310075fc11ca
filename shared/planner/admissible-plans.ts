import { conditionsFor, deviceFactor, fixedMs, type LinkEstimate, type PlanningInput } from './predict.ts';
import type { PlanGroup, PreparedPlans } from './prepared-plans.ts';
import { transferMs } from './wire-bytes.ts';

/**
 * The plans that the policy allows, that are accurate enough and that a missed reply could still be saved from:
 * head + margin + finishing locally fits the deadline. Edge-first keeps the input and has computed nothing while it
 * waits: its head is empty. What frames take besides their plans is the margin's. Where the device alone cannot meet the
 * deadline at all, there is nothing to save. The bandwidth changes nothing of it.
 * @returns of each plan the part of T that no bandwidth changes, ms; infinite where it may not be chosen
 */
export function admissibleMs(input: PlanningInput): Float64Array {
  const { policy, plans, allow } = input;
  const factor = deviceFactor(input);
  const { all, accuracy } = plans;
  const { deadlineMs, marginMs, minimumAccuracy } = policy;
  const rescueMs = fastestLocalMs(input);
  const latestHeadMs = rescueMs > deadlineMs ? Number.POSITIVE_INFINITY : deadlineMs;
  const fixed = new Float64Array(all.length).fill(Number.POSITIVE_INFINITY);
  for (const group of plans.groups) {
    if (!mayUse(input, group)) continue;
    const conditions = conditionsFor(input, all[group.from]);
    const isLocal = group.kind === 'device-only';
    for (let i = group.from; i < group.to; i += 1) {
      const prepared = all[i];
      if (prepared === undefined || (accuracy[i] ?? 0) < minimumAccuracy) continue;
      if (!isLocal && prepared.headMs * factor + marginMs + rescueMs > latestHeadMs) continue;
      if (allow === undefined || allow(prepared.plan)) fixed[i] = fixedMs(prepared, conditions);
    }
  }
  return fixed;
}

/** @returns ms that the fastest whole branch takes on this device: what a fallback needs; infinite where none is known */
export function fastestLocalMs(input: PlanningInput): number {
  const factor = deviceFactor(input);
  let least = Number.POSITIVE_INFINITY;
  for (const { deviceMs } of input.plans.local) least = Math.min(least, deviceMs * factor);
  return least;
}

/** @param fixed the part of T that no bandwidth changes @returns T of each plan on this link, ms */
export function totalsOn(
  plans: PreparedPlans,
  fixed: Float64Array,
  { uplinkMbps, downlinkMbps }: Pick<LinkEstimate, 'uplinkMbps' | 'downlinkMbps'>,
): Float64Array {
  const { replyBytes } = plans;
  const uploadBytes = plans.uploadBytes(uplinkMbps);
  const totals = new Float64Array(fixed.length);
  for (let i = 0; i < totals.length; i += 1) {
    const upMs = transferMs(uploadBytes[i] ?? 0, uplinkMbps);
    totals[i] = (fixed[i] ?? 0) + upMs + transferMs(replyBytes[i] ?? 0, downlinkMbps);
  }
  return totals;
}

function mayUse({ offload, policy: { directions, encodings } }: PlanningInput, { kind, encoding }: PlanGroup): boolean {
  if (kind === 'device-only') return true;
  if (offload === null || !encodings.includes(encoding)) return false;
  return kind === 'edge-only' ? directions.length > 0 : directions.includes(kind);
}
