import type { Lease } from '../store/leases.ts';

/**
 * Decides who is to measure a profile that is missing.
 * INVARIANT: at most one holds the lease. It stays with its holder until it expires or the holder goes offline,
 * and then goes to the next in the order of ids, so that everyone has a turn before the first is asked again.
 * @param candidates the ids of those online of the class, ascending
 * @param lease the one before
 * @param nowMs wall clock, ms since 1970
 */
export function grantLease(options: {
  candidates: readonly string[];
  lease: Lease | undefined;
  nowMs: number;
  leaseMs: number;
}): Lease | undefined {
  const { candidates, lease, nowMs, leaseMs } = options;
  if (lease !== undefined && lease.expiresMs > nowMs && candidates.includes(lease.holder)) return lease;
  const next = candidates.find((id) => lease !== undefined && id > lease.holder) ?? candidates[0];
  return next === undefined ? undefined : { holder: next, expiresMs: nowMs + leaseMs };
}
