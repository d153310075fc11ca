import type { ConfigurationMap, ConfigurationMapEntry } from '../protocol/configuration-map.ts';
import type { Policy } from '../protocol/messages.ts';
import { admissible, totalsOn } from './admissible-plans.ts';
import { reasonOfNone } from './algorithm-1.ts';
import { type BandwidthState, requireBandwidthStates } from './bandwidth-states.ts';
import { checkPlanningInput } from './check-input.ts';
import { choose, leastLate, type PricedPlans } from './choice.ts';
import type { Candidate } from './plan.ts';
import { candidateOf, type LinkEstimate, type PlanningInput } from './predict.ts';
import { paperReward, throughputOf } from './reward.ts';

export interface MapOptions {
  /** Its link gives the rtt, and the ratio of downlink to uplink that holds in every state. */
  input: PlanningInput;
  states: readonly BandwidthState[];
  /** What the map is to be told apart by from others of its kind. */
  revision: string;
}

export type MapResult = { kind: 'map'; map: ConfigurationMap } | { kind: 'no-plan'; reason: string };

/**
 * Algorithm 2: for each bandwidth state s_i the strategy C_j of greatest reward R(C_j), by the policy's objective.
 * The choice is Algorithm 1's own at the state's rate, minimum accuracy, margin and admissibility included; where no
 * strategy meets the deadline, the entry has the least late one. The loop to the letter is `mapAsPrinted`.
 * @throws {FleetError} `planning-input-invalid`, `bandwidth-states-empty`, `bandwidth-states-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 2
 */
export function buildConfigurationMap({ input, states, revision }: MapOptions): MapResult {
  checkPlanningInput(input);
  requireBandwidthStates(states);
  const { deadlineMs, marginMs, objective } = input.policy;
  const entries = entriesOf(input, states);
  if (entries.length === 0) return { kind: 'no-plan', reason: reasonOfNone(input) };
  return { kind: 'map', map: { schema: 1, revision, objective, deadlineMs, marginMs, entries } };
}

function entriesOf(input: PlanningInput, states: readonly BandwidthState[]): ConfigurationMapEntry[] {
  const { plans, offload } = input;
  const { fixedMs, reserveMs } = admissible(input);
  return states.flatMap((state) => {
    if (offload === null) return entryOf(input, state, { totalsMs: fixedMs, reserveMs }) ?? [];
    const link = linkIn(state, offload.link);
    const priced = { totalsMs: totalsOn(plans, fixedMs, link), reserveMs };
    return entryOf({ ...input, offload: { ...offload, link } }, state, priced) ?? [];
  });
}

/** @returns the link as it is planned for in a state: its rtt, how much it moves, and downlink to uplink hold in all of them */
export function linkIn(
  { mbps }: Pick<BandwidthState, 'mbps'>,
  { uplinkMbps, downlinkMbps, ...rest }: LinkEstimate,
): LinkEstimate {
  return { ...rest, uplinkMbps: mbps, downlinkMbps: mbps * (downlinkMbps / uplinkMbps) };
}

/** @returns undefined where no plan may be chosen, which no bandwidth changes */
function entryOf(
  input: PlanningInput,
  { mbps, fromMbps }: BandwidthState,
  times: Omit<PricedPlans, 'plans'>,
): ConfigurationMapEntry | undefined {
  const { plans, policy } = input;
  const priced = { plans, ...times };
  const best = plans.all[choose(priced, policy)];
  const chosen = best ?? plans.all[leastLate(priced)];
  if (chosen === undefined) return undefined;
  const next = best && plans.all[choose(priced, policy, best.plan.exit)];
  const candidate = candidateOf(input, chosen);
  return {
    state: { mbps, fromMbps },
    ...candidate,
    reward: best === undefined ? 0 : rewardOf(candidate, policy),
    feasible: best !== undefined,
    runnerUp: next ? candidateOf(input, next) : null,
  };
}

/** @returns what the objective counts of a plan that meets the deadline */
function rewardOf({ accuracy, prediction: { totalMs } }: Candidate, policy: Policy): number {
  switch (policy.objective) {
    case 'accuracy':
      return accuracy;
    case 'latency':
      return throughputOf(totalMs);
    case 'paper':
      return paperReward(accuracy, { totalMs, deadlineMs: policy.deadlineMs }, policy.rewardWeights);
  }
}
