import { isDeepStrictEqual } from 'node:util';
import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Lease } from '../store/leases.ts';
import type { MemberRole } from '../store/member-records.ts';
import type { ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';
import { type DriftReport, driftingMembers } from './drift.ts';
import type { Predictions } from './predictions.ts';
import { grantLease } from './profile-lease.ts';
import { noReprofiling, type ReprofilingLimits, stepReprofiling } from './reprofiling.ts';

/** How a hardware class stands with the model in force. */
export interface ClassState {
  /** Hash of the latency table that is planned with, measured or else predicted; absent: there is none. */
  table?: string;
  /** Who is to measure a profile. */
  holder?: string;
  /** When time alone changes this, ms since 1970. */
  nextMs?: number;
}

/** By tier and hardware class. */
export type ClassStates = Record<MemberRole, ReadonlyMap<string, ClassState>>;

interface ClassMember {
  id: string;
  hardwareClass: string;
  online: boolean;
}

/** Everybody who registered. */
export interface Members {
  device: readonly (ClassMember & DriftReport)[];
  worker: readonly ClassMember[];
}

export interface ClassOptions {
  store: Store;
  predictions: Predictions;
  /** Wall clock. */
  now: Date;
  limits: ReprofilingLimits;
  log: Log;
}

/**
 * Finds out what is measured of the model in force, has somebody measure what is not or has drifted away, and predicts
 * what is not measured meanwhile. The caller holds the transaction.
 */
export function classStates(members: Members, modelDigest: string, options: ClassOptions): ClassStates {
  const device = measuredStates('device', members, modelDigest, options);
  const worker = measuredStates('worker', members, modelDigest, options);
  const all = [...device, ...worker];
  const unmeasured = all.filter(({ state }) => state.table === undefined).map(({ key }) => key);
  const predicted = options.predictions.provide(unmeasured, options.now);
  const byClass = (states: readonly KeyedState[]) =>
    new Map(states.map(({ key, state }) => [key.hardwareClass, withTable(state, predicted.get(key))]));
  return { device: byClass(device), worker: byClass(worker) };
}

function withTable(state: ClassState, table: string | undefined): ClassState {
  return table === undefined ? state : { ...state, table };
}

interface KeyedState {
  key: ProfileKey;
  state: ClassState;
}

function measuredStates(tier: MemberRole, members: Members, modelDigest: string, options: ClassOptions): KeyedState[] {
  const ofTier: readonly ClassMember[] = members[tier];
  return [...new Set(ofTier.map(({ hardwareClass }) => hardwareClass))].map((hardwareClass) => {
    const key = { tier, hardwareClass, modelDigest };
    const table = intactHash(key, options);
    const online = ofTier.filter((member) => member.online && member.hardwareClass === hardwareClass);
    const ids = online.map(({ id }) => id);
    if (table !== undefined) return { key, state: { table, ...remeasured(key, table, { ids, members }, options) } };
    const lease = leased(key, ids, options.limits.leaseMs, options);
    return { key, state: lease === undefined ? {} : { holder: lease.holder, nextMs: lease.expiresMs } };
  });
}

/** Who is to measure a profile anew that the class has drifted away from: one of those that have. */
function remeasured(
  key: ProfileKey,
  profile: string,
  { ids, members }: { ids: readonly string[]; members: Members },
  options: ClassOptions,
): Omit<ClassState, 'table'> {
  const { store, now, limits, log } = options;
  const nowMs = now.getTime();
  const drifting = driftingMembers(key, members.device, members.worker);
  const before = store.reprofilings.get(key) ?? noReprofiling;
  const { after, nextMs } = stepReprofiling({ before, drifts: drifting.size > 0, profile, nowMs, limits });
  if (!isDeepStrictEqual(before, after)) store.reprofilings.put(key, after);
  const next = nextMs === undefined ? {} : { nextMs };
  if (after.replaces === null) {
    store.leases.remove(key);
    return next;
  }
  if (after.askedMs !== before.askedMs) log.info({ ...key, drifting: drifting.size }, 'a profile is measured anew');
  // Who measures already goes on, also where it is calm again.
  const holder = store.leases.get(key)?.holder;
  const candidates = ids.filter((id) => drifting.has(id) || id === holder);
  const lease = leased(key, candidates, (after.askedMs ?? nowMs) + limits.leaseMs - nowMs, options);
  return lease === undefined ? next : { ...next, holder: lease.holder };
}

/** @param candidates ids of those online @returns who has the lease for the profile, if anybody is there */
function leased(
  key: ProfileKey,
  candidates: readonly string[],
  leaseMs: number,
  { store, now }: ClassOptions,
): Lease | undefined {
  const before = store.leases.get(key);
  const lease = grantLease({ candidates, lease: before, nowMs: now.getTime(), leaseMs });
  if (lease === undefined) store.leases.remove(key);
  else if (lease !== before) store.leases.put(key, lease);
  return lease;
}

/** A damaged profile counts as missing: it is measured again, and the fleet goes on meanwhile. */
function intactHash(key: ProfileKey, { store, log }: ClassOptions): string | undefined {
  try {
    return store.profiles.get(key)?.hash;
  } catch (error) {
    if (!isFleetError(error)) throw error;
    log.error({ code: error.code, ...key }, error.message);
    return undefined;
  }
}
