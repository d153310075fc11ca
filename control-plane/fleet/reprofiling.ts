import type { Reprofiling } from '../store/reprofilings.ts';

export interface ReprofilingLimits {
  /** How long drift must be seen. */
  persistMs: number;
  /** Between two times that a class is asked for a new profile, at least. */
  gapMs: number;
  /** How long one who is asked is trusted to deliver. */
  leaseMs: number;
}

export interface ReprofilingStep {
  after: Reprofiling;
  /** When time alone changes it again; undefined: never. */
  nextMs: number | undefined;
}

export const noReprofiling: Reprofiling = { sinceMs: null, askedMs: null, replaces: null };

/**
 * Decides whether a class that has a profile is to measure it anew.
 * INVARIANTS: it is asked at most once a gap, however often drift comes and goes, so that noisy or hostile members cost
 * the class one measurement a gap; what is asked for is over when another profile is stored or its lease has passed, and
 * drift must then be seen for the whole time again.
 * @param drifts whether it is seen now
 * @param profile hash of the one that is stored
 */
export function stepReprofiling(options: {
  before: Reprofiling;
  drifts: boolean;
  profile: string;
  nowMs: number;
  limits: ReprofilingLimits;
}): ReprofilingStep {
  const { before, drifts, profile, nowMs, limits } = options;
  const { askedMs } = before;
  const lapsesMs = (askedMs ?? 0) + limits.leaseMs;
  const isOpen = before.replaces === profile && nowMs < lapsesMs;
  if (isOpen) return { after: before, nextMs: lapsesMs };
  const sinceMs = drifts ? ((before.replaces === null ? before.sinceMs : null) ?? nowMs) : null;
  const rested: Reprofiling = { sinceMs, askedMs, replaces: null };
  if (sinceMs === null) return { after: rested, nextMs: undefined };
  const dueMs = Math.max(sinceMs + limits.persistMs, askedMs === null ? 0 : askedMs + limits.gapMs);
  if (nowMs < dueMs) return { after: rested, nextMs: dueMs };
  return { after: { sinceMs: null, askedMs: nowMs, replaces: profile }, nextMs: nowMs + limits.leaseMs };
}
