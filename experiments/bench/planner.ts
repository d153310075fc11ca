import { planStatic } from '../../shared/planner/algorithm-1.ts';
import { buildConfigurationMap } from '../../shared/planner/algorithm-2.ts';
import type { BandwidthState } from '../../shared/planner/bandwidth-states.ts';
import { buildFleetMaps } from '../../shared/planner/fleet-maps.ts';
import type { LinkEstimate, PlanningInput } from '../../shared/planner/predict.ts';
import { type PlanTables, type PreparedPlans, preparePlans } from '../../shared/planner/prepared-plans.ts';
import { policyParser } from '../../shared/protocol/messages.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';
import { median } from '../../shared/runtime/statistics.ts';
import type { BenchArea, BenchFigure } from './figure.ts';
import { durationMs, type Measured, measureRounds } from './rounds.ts';

const exits = 5;
const layers = 22;
const stateCount = 428;
const devices = 10_000;
const classes = 20;
const decisionsARound = 2000;

/** Decisions of a model with 5 exits of 22 layers each, in 3 encodings and both directions. */
export const plannerArea: BenchArea = {
  name: 'planner',
  description:
    'a decision, a configuration map and a whole fleet, planned for 5 exits × 22 layers × 3 encodings × 2 directions',
  run: (context): Promise<BenchFigure[]> => Promise.resolve(measureRounds('planner', measured(), context)),
};

function measured(): Measured[] {
  const tables = Array.from({ length: classes }, (_, index) => tablesOf(1 + index / classes));
  const prepared = tables.map(preparePlans);
  const plans = prepared.slice(0, 1);
  const states = statesUpTo(6);
  return [
    { name: 'one decision, median', unit: 'µs', bar: 100, round: () => 1000 * medianDecisionMs(plans, 200) },
    {
      name: 'one decision that none meets, median',
      unit: 'µs',
      bar: null,
      round: () => 1000 * medianDecisionMs(plans, 5),
    },
    { name: `configuration map of ${stateCount} states`, unit: 'ms', bar: 10, round: () => mapMs(plans, states) },
    {
      name: `${devices} devices of ${classes} classes, each at its own bandwidth`,
      unit: 'ms',
      bar: 1000,
      round: () => durationMs(() => planFleet(tables)),
    },
    {
      name: `configuration maps for ${devices} devices of ${classes} classes`,
      unit: 'ms',
      bar: 1000,
      round: () => durationMs(() => mapFleet(tables, states.slice(0, 20))),
    },
  ];
}

function medianDecisionMs([plans]: readonly PreparedPlans[], deadlineMs: number): number {
  const times = Array.from({ length: decisionsARound }, (_, index) => {
    const input = inputOf(plans, linkOf(index), deadlineMs);
    return durationMs(() => planStatic(input));
  });
  return median(times);
}

function mapMs([plans]: readonly PreparedPlans[], states: readonly BandwidthState[]): number {
  const input = inputOf(plans, linkOf(0), 200);
  return durationMs(() => buildConfigurationMap({ input, states, revision: 'bench' }));
}

function planFleet(tables: readonly PlanTables[]): void {
  const prepared = tables.map(preparePlans);
  for (let device = 0; device < devices; device += 1) {
    planStatic(inputOf(prepared[device % classes], linkOf(device), 200));
  }
}

function mapFleet(tables: readonly PlanTables[], states: readonly BandwidthState[]): void {
  const { plans: _, ...conditions } = inputOf(preparePlans(tablesOf(1)), linkOf(0), 200);
  const combinations = Array.from({ length: devices }, (__, device) => ({
    tables: tables[device % classes] ?? tablesOf(1),
    conditions: { ...conditions },
    states,
    revision: 'bench',
  }));
  buildFleetMaps(combinations);
}

/** Rates between 0.2 and 6 Mbit/s, in no order. */
function linkOf(index: number): LinkEstimate {
  const uplinkMbps = 0.2 + ((index * 7919) % 5800) / 1000;
  return { uplinkMbps, downlinkMbps: 2 * uplinkMbps, rttMs: 5 };
}

function statesUpTo(mostMbps: number): BandwidthState[] {
  const stepMbps = mostMbps / stateCount;
  return Array.from({ length: stateCount }, (_, i) => ({ mbps: (i + 0.5) * stepMbps, fromMbps: i * stepMbps }));
}

/** Read once, as a fleet's policy is. */
const policy = policyParser.parse({
  name: 'bench',
  version: 1,
  deadlineMs: 200,
  minimumAccuracy: 0.6,
  accuracyTolerance: 0.005,
  encodings: ['f32', 'f16', 'u8'],
  directions: ['device-first', 'edge-first'],
  marginMs: 5,
});

function inputOf(plans: PreparedPlans | undefined, link: LinkEstimate, deadlineMs: number): PlanningInput {
  return {
    plans: plans ?? preparePlans(tablesOf(1)),
    policy: { ...policy, deadlineMs },
    processorFactor: 1,
    offload: { queueMs: 2, link },
    encodeNs: { f32: 1, f16: 4, u8: 2 },
    decodeNs: { f32: 1, f16: 4, u8: 1 },
  };
}

/** Layers whose outputs shrink with depth, on a device that takes 3 ms for each and a worker that takes a tenth. */
function tablesOf(slowness: number): PlanTables {
  const cuts = Array.from({ length: layers + 1 }, (_, p) => [{ elements: Math.ceil(12_288 / (1 + p / 2)), rank: 4 }]);
  const shapes = Array.from({ length: exits }, (_, index) => ({
    name: `exit${index + 1}`,
    accuracy: 0.7 + index / 25,
    encodedAccuracy: { u8: cuts.slice(1).map(() => 0.69 + index / 25) },
    cuts,
  }));
  return { model: { exits: shapes }, device: tableOf(3 * slowness), worker: tableOf(0.3) };
}

function tableOf(layerMs: number): LatencyTable {
  const timings = (layersAt: (p: number) => number) =>
    Array.from({ length: layers + 1 }, (_, p) => ({ medianMs: layerMs * layersAt(p), p90Ms: layerMs * layersAt(p) }));
  return {
    hardwareClass: 'bench',
    exits: Array.from({ length: exits }, (_, index) => ({
      name: `exit${index + 1}`,
      head: timings((p) => (p * (index + 1)) / exits),
      tail: timings((p) => ((layers - p) * (index + 1)) / exits),
    })),
  };
}
