import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { MemberRole } from '../store/member-records.ts';
import type { ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';
import type { Predictions } from './predictions.ts';
import { grantLease } from './profile-lease.ts';

/** How a hardware class stands with the model in force. */
export interface ClassState {
  /** Hash of the latency table that is planned with, measured or else predicted; absent: there is none. */
  table?: string;
  /** Who is to measure a profile. */
  holder?: string;
  /** When that ends, ms since 1970. */
  expiresMs?: number;
}

/** By tier and hardware class. */
export type ClassStates = Record<MemberRole, ReadonlyMap<string, ClassState>>;

interface ClassMember {
  id: string;
  hardwareClass: string;
  online: boolean;
}

export interface ClassOptions {
  store: Store;
  predictions: Predictions;
  /** Wall clock. */
  now: Date;
  leaseMs: number;
  log: Log;
}

/**
 * Finds out what is measured of the model in force, has somebody measure what is not, and predicts it meanwhile.
 * The caller holds the transaction.
 */
export function classStates(
  members: Record<MemberRole, readonly ClassMember[]>,
  modelDigest: string,
  options: ClassOptions,
): ClassStates {
  const device = measuredStates('device', members.device, modelDigest, options);
  const worker = measuredStates('worker', members.worker, modelDigest, options);
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

function measuredStates(
  tier: MemberRole,
  members: readonly ClassMember[],
  modelDigest: string,
  options: ClassOptions,
): KeyedState[] {
  return [...new Set(members.map(({ hardwareClass }) => hardwareClass))].map((hardwareClass) => {
    const key = { tier, hardwareClass, modelDigest };
    const table = intactHash(key, options);
    const online = members.filter((member) => member.online && member.hardwareClass === hardwareClass);
    if (table === undefined) return { key, state: leased(key, online, options) };
    options.store.leases.remove(key);
    return { key, state: { table } };
  });
}

/** Somebody who is online has the lease for the profile. */
function leased(
  key: ProfileKey,
  online: readonly ClassMember[],
  { store, now, leaseMs }: ClassOptions,
): Pick<ClassState, 'holder' | 'expiresMs'> {
  const before = store.leases.get(key);
  const candidates = online.map(({ id }) => id);
  const lease = grantLease({ candidates, lease: before, nowMs: now.getTime(), leaseMs });
  if (lease === undefined) store.leases.remove(key);
  else if (lease !== before) store.leases.put(key, lease);
  return lease ?? {};
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
