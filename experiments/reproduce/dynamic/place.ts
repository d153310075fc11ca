import { buildConfigurationMap } from '../../../shared/planner/algorithm-2.ts';
import {
  type BandwidthState,
  buildBandwidthStates,
  defaultPlanningShare,
} from '../../../shared/planner/bandwidth-states.ts';
import type { BandwidthTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import type { ConfigurationMap } from '../../../shared/protocol/configuration-map.ts';
import { defaultRiseMargin } from '../../../shared/protocol/detector-settings.ts';
import type { Policy } from '../../../shared/protocol/messages.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { measurementNoise } from '../../detectors/measurement-noise.ts';
import type { Costs } from '../costs.ts';
import { type Allowance, allowances } from './allowances.ts';
import type { DynamicMethod } from './methods/method.ts';
import { type PlaceCosts, placeCosts } from './plan-costs.ts';
import { createRatePlanner, type RatePlanner } from './rate-planner.ts';
import type { Replay } from './replay.ts';
import type { Objective } from './score.ts';

/** States of a map, as a policy has them by default. */
export const stateCount = 12;
export const seed = 1;
/** Coefficient of variation of a measured rate: that of the estimates on a constant link is below it. */
export const rateVariation = 0.1;

/** How states are planned for, and how far above its begin a faster one is entered. */
export interface Mapping {
  planningShare: number | null;
  riseMargin: number;
}

/**
 * Objective `paper` has what the paper has: a state is planned for at its mean rate, and entered as soon as the rate is in
 * it. Deadlines are far there, and time is what counts. Objective `accuracy` has the product's defaults, which keep clear of
 * the deadline.
 */
export const mappings: Readonly<Record<Objective, Mapping>> = {
  paper: { planningShare: null, riseMargin: 0 },
  accuracy: { planningShare: defaultPlanningShare, riseMargin: defaultRiseMargin },
};

/** Standard deviations above the mean of the 99th percentile of a normal distribution. */
const p99Deviations = 2.326;
const rateNoise = measurementNoise(rateVariation, seed);

/** @returns the 99th percentile of what a device's runs of that variation are multiplied by */
export function p99SlownessOf(deviceVariation: number): number {
  return Math.exp(p99Deviations * deviceVariation);
}

/** A place with a policy: all that replays on it have in common. */
export interface Stage {
  readonly input: PlanningInput;
  readonly costs: PlaceCosts;
  readonly planAt: RatePlanner;
  readonly objective: Objective;
  readonly mapping: Mapping;
  /** Coefficient of variation of what the device's own runs take. */
  readonly deviceVariation: number;
}

export interface StageOptions {
  allowed: Allowance;
  objective: Objective;
  deadlineMs: number;
  deviceVariation: number;
  /** That of the objective if absent. */
  mapping?: Mapping;
}

/** The link's rate in the input is of no matter: each method believes its own. */
const anyMbps = 1;

export function stageOf(
  costs: Costs,
  { allowed, objective, deadlineMs, deviceVariation, mapping = mappings[objective] }: StageOptions,
): Stage {
  const { input } = costs.at(anyMbps, deadlineMs);
  const { encodings, directions } = allowances[allowed];
  const policy: Policy = {
    ...input.policy,
    objective,
    encodings: [...encodings],
    directions: [...directions],
    detector: { ...input.policy.detector, riseMargin: mapping.riseMargin },
  };
  const staged = { ...input, policy, deviceSpread: p99SlownessOf(deviceVariation) };
  const places = placeCosts(staged);
  const planAt = createRatePlanner(staged, places);
  return { input: staged, costs: places, planAt, objective, mapping, deviceVariation };
}

/** @returns Algorithm 2's map for these states, as a device has it: how much its times vary counts when a plan is looked up */
export function mapFor({ input }: Stage, states: readonly BandwidthState[]): ConfigurationMap {
  const result = buildConfigurationMap({ input: { ...input, deviceSpread: 1 }, states, revision: 'reproduce' });
  if (result.kind === 'no-plan') throw new FleetError('internal', result.reason);
  return result.map;
}

/** @returns the states that a trace is replayed with: those of every second trace, of which it is none */
export function statesOfOthers(
  traces: readonly BandwidthTrace[],
  { planningShare }: Mapping,
): (index: number) => BandwidthState[] {
  const states = [0, 1].map((half) => {
    const others = traces.filter((_, index) => index % 2 !== half);
    return buildBandwidthStates(others.length > 0 ? others : traces, { count: stateCount, planningShare });
  });
  return (index) => states[index % 2] ?? [];
}

/** @param index of the trace in its set: what noise belongs to it */
export function replayOn(
  stage: Stage,
  {
    method,
    trace,
    index,
    map,
    periodMs,
  }: Pick<Replay, 'trace' | 'map' | 'periodMs'> & { method: DynamicMethod; index: number },
): Replay {
  const deviceNoise = measurementNoise(stage.deviceVariation, seed + 1);
  return {
    ...stage,
    method,
    trace,
    map,
    periodMs,
    slownessAt: (frame) => deviceNoise(index, frame),
    measuredAt: (sample) => rateNoise(index, sample),
    p99Slowness: p99SlownessOf(stage.deviceVariation),
  };
}
