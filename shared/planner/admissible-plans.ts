import { isImageEncoding } from '../protocol/wire-encoding.ts';
import {
  conditionsFor,
  deviceFactor,
  fixedMs,
  isPriced,
  type LinkEstimate,
  type PlanningInput,
  reserveMs,
} from './predict.ts';
import type { PlanGroup, PreparedPlans } from './prepared-plans.ts';
import { transferMs } from './wire-bytes.ts';

/** What decides which plans may be chosen, side by side with the plans. */
export interface Admissible {
  /** The part of T that no bandwidth changes, ms; infinite where the plan may not be chosen. */
  readonly fixedMs: Float64Array;
  /** What must be left of the deadline at the end of the plan, ms. */
  readonly reserveMs: Float64Array;
}

/**
 * The plans that the policy allows, that are accurate enough and that a missed reply could still be saved from:
 * head + margin + finishing locally fits the deadline, behind what runs on the device's thread and with one of the two
 * at its slowest: that both are is rarer than a deadline is to be missed. Edge-first keeps the input and has computed nothing while it waits: its head is empty. What has no
 * head takes no time from finishing locally, and is admissible in any case; an image is encoded first, as a head is run. What frames take besides their plans is the
 * margin's. Where the device alone cannot meet the deadline at all, there is nothing to save. The bandwidth changes
 * nothing of it.
 */
export function admissible(input: PlanningInput): Admissible {
  const { policy, plans, allow } = input;
  const { all, accuracy } = plans;
  const rescue = rescueOf(input);
  const fixed = new Float64Array(all.length).fill(Number.POSITIVE_INFINITY);
  const reserve = new Float64Array(all.length);
  for (const group of plans.groups) {
    if (!mayUse(input, group)) continue;
    const conditions = conditionsFor(input, all[group.from]);
    const isLocal = group.kind === 'device-only';
    const encodeMs = imageMs(input, group);
    for (let i = group.from; i < group.to; i += 1) {
      const prepared = all[i];
      if (prepared === undefined || (accuracy[i] ?? 0) < policy.minimumAccuracy) continue;
      if (!isLocal && !isSavable(rescue, prepared.headMs, encodeMs)) continue;
      if (allow !== undefined && !allow(prepared.plan)) continue;
      fixed[i] = fixedMs(prepared, conditions);
      reserve[i] = reserveMs(prepared, conditions);
    }
  }
  return { fixedMs: fixed, reserveMs: reserve };
}

/** What saving a missed reply takes, whatever the plan. Times in ms. */
export interface Rescue {
  /** After which the fastest whole branch could have ended on this device, as predicted. */
  readonly soonestMs: number;
  readonly marginMs: number;
  readonly deviceFactor: number;
  readonly deviceSpread: number;
  /** By when a frame must be saved; infinite where nothing is to be saved. */
  readonly latestMs: number;
}

export function rescueOf(input: PlanningInput): Rescue {
  const { policy, busyMs = 0, deviceSpread = 1 } = input;
  const { deadlineMs, marginMs } = policy;
  const soonestMs = busyMs + fastestLocalMs(input);
  const factor = deviceFactor(input);
  const rescue = { soonestMs, marginMs, deviceFactor: factor, deviceSpread, latestMs: Number.POSITIVE_INFINITY };
  if (soonestMs <= deadlineMs) rescue.latestMs = Math.max(deadlineMs, savableMs(rescue, 0));
  return rescue;
}

/** @returns what encoding an image takes before it is sent, which a rescue waits for as it does for a head, ms; else 0 */
export function imageMs({ imageCodecMs }: PlanningInput, { encoding }: Pick<PlanGroup, 'encoding'>): number {
  return isImageEncoding(encoding) ? (imageCodecMs?.[encoding]?.encodeMs ?? 0) : 0;
}

/**
 * @param headMs by the table @param encodeMs as it is
 * @returns the least deadline at which a reply missed after these could still be saved, ms
 */
export function savableMs(rescue: Rescue, headMs: number, encodeMs = 0): number {
  const { soonestMs, marginMs, deviceFactor: factor, deviceSpread } = rescue;
  const ownMs = headMs * factor + encodeMs;
  return ownMs + soonestMs + (deviceSpread - 1) * Math.max(ownMs, soonestMs) + marginMs;
}

/** @returns whether a plan that offloads leaves the time for saving a missed reply, as far as there is any */
export function isSavable(rescue: Rescue, headMs: number, encodeMs = 0): boolean {
  return savableMs(rescue, headMs, encodeMs) <= rescue.latestMs;
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

function mayUse(input: PlanningInput, { kind, encoding }: PlanGroup): boolean {
  const { offload, policy } = input;
  const { directions, encodings } = policy;
  if (kind === 'device-only') return true;
  if (offload === null || !encodings.includes(encoding) || !isPriced(input, encoding)) return false;
  return kind === 'edge-only' ? directions.length > 0 : directions.includes(kind);
}
