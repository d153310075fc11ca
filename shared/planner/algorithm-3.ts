import type { ConfigurationMap } from '../protocol/configuration-map.ts';
import { findEntry } from './configuration-map.ts';
import type { Candidate } from './plan.ts';
import { requireAtLeastZero, requirePositive } from './require-number.ts';

/** What is known at moment t. */
export interface DynamicInput {
  map: ConfigurationMap;
  /** s_t = D(B_1..t): which of the map's states the detector says the link is in, 0..N − 1. */
  stateIndex: number;
  /** B_t, the latest measurement, Mbit/s uplink. */
  bandwidthMbps: number;
  /** For how many measurements the detector believes the state to hold already. */
  runLength: number;
}

/** C_t with all that it was decided on; also what the next moment starts from. */
export interface DynamicDecision {
  /**
   * `kept`: neither the state nor the map is another one, C_t = C_{t−1}. `map-changed` alone where the new map has
   * other states, among which the one before cannot be found: then nobody can say that the link changed.
   */
  kind: 'first' | 'state-changed' | 'map-changed' | 'state-and-map-changed' | 'kept';
  bandwidthMbps: number;
  runLength: number;
  /** s_t, and s_{t−1}; null at the first moment. */
  stateIndex: number;
  previousStateIndex: number | null;
  /** The rate that was planned with, and where the state begins, Mbit/s. */
  state: { mbps: number; fromMbps: number };
  revision: string;
  /** C_t, with T as predicted for the state. */
  chosen: Candidate;
  /** What would have been chosen without the chosen exit. */
  runnerUp: Candidate | null;
  /** Whether the plan meets the deadline at the state's rate. */
  feasible: boolean;
  /** Deadline less margin less predicted T, ms; below 0: by how much the plan is late. */
  slackMs: number;
}

/**
 * Algorithm 3 (dynamic): if s_t ≠ s_{t−1} then C_t ← find(s_t), else C_t = C_{t−1}. The state is the pair of bandwidth
 * state and map revision, so that a new map is looked up at once.
 * @param previous the decision at t − 1; null at the first moment
 * @throws {FleetError} `planning-input-invalid`, `configuration-map-empty`, `bandwidth-state-unknown`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 3
 */
export function planDynamic(previous: DynamicDecision | null, input: DynamicInput): DynamicDecision {
  const { map, stateIndex, bandwidthMbps, runLength } = input;
  requirePositive('bandwidthMbps', bandwidthMbps);
  requireAtLeastZero('runLength', runLength);
  const kind = kindOf(previous, input);
  const now = { kind, bandwidthMbps, runLength, previousStateIndex: previous?.stateIndex ?? null };
  // Of the same state and revision the plan is the same; what it is predicted to take may have become newer.
  const { state, plan, prediction, accuracy, runnerUp, feasible } = findEntry(map, stateIndex);
  return {
    ...now,
    stateIndex,
    state,
    revision: map.revision,
    chosen: { plan, prediction, accuracy },
    runnerUp,
    feasible,
    slackMs: map.deadlineMs - map.marginMs - prediction.totalMs,
  };
}

function kindOf(previous: DynamicDecision | null, { map, stateIndex }: DynamicInput): DynamicDecision['kind'] {
  if (previous === null) return 'first';
  if (previous.revision === map.revision) return previous.stateIndex === stateIndex ? 'kept' : 'state-changed';
  const { mbps, fromMbps } = previous.state;
  const sameStateIndex = map.entries.findIndex(({ state }) => state.mbps === mbps && state.fromMbps === fromMbps);
  return sameStateIndex < 0 || sameStateIndex === stateIndex ? 'map-changed' : 'state-and-map-changed';
}
