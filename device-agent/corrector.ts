import { isDeepStrictEqual } from 'node:util';
import {
  type CorrectedPart,
  type Correction,
  type CorrectionTracker,
  createCorrectionTracker,
  type PartTimes,
  partTimes,
  type RunOfSegment,
} from '../shared/planner/correction.ts';
import { createDeviceSpread } from '../shared/planner/device-spread.ts';
import { createFrameOverhead } from '../shared/planner/frame-overhead.ts';
import type { Breakdown, Plan } from '../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../shared/planner/predict.ts';
import type { PreparedPlans } from '../shared/planner/prepared-plans.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import type { DeviceConfiguration, Drift } from '../shared/protocol/messages.ts';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import { createCorrectedPlans } from './corrected-plans.ts';
import type { Decision } from './decision.ts';
import type { FrameOutcome } from './frame-run.ts';
import { createOwnMap } from './own-map.ts';

/** A frame that has ended, with what it was run by. */
export interface RanFrame {
  configuration: DeviceConfiguration;
  input: PlanningInput;
  /** By the tables alone. */
  plans: PreparedPlans;
  /** Name of what its plan leaves to the device. */
  segment: string;
  decision: Decision;
  outcome: FrameOutcome;
  /** Spent before the plan was begun, which no table counts, ms. */
  preprocessMs: number;
  /** From taking the frame to its end, ms. */
  elapsedMs: number;
}

/** A whole branch that was run for the sake of its time. */
export interface Rehearsal {
  exit: number;
  segment: string;
  computeMs: number;
}

/** Corrects predictions, and the map that was made of them, by what frames really take. */
export interface Corrector {
  /** A configuration came into force: begins anew for each part whose tables are other ones; it drifts no more. */
  use(configuration: DeviceConfiguration): void;
  /** For planning under this configuration, which it then uses. */
  factors(configuration: DeviceConfiguration): Correction;
  /** @returns the plans of the tables, with what single segments are off by besides these factors */
  plansFor(tables: PreparedPlans, segmentOf: (plan: Plan) => string): PreparedPlans;
  /** What frames take besides their plans, ms. */
  frameMs(): number;
  /** How many times longer than predicted the device computes at its slowest, at least 1. */
  deviceSpread(): number;
  mapFor(pushed: ConfigurationMap): ConfigurationMap;
  /** To be called between frames. */
  learn(frame: RanFrame): void;
  learnRehearsal(rehearsal: Rehearsal): void;
  /** A reply that came after its frame had ended still tells how fast the worker is. */
  learnLate(plan: Plan, report: WorkerReport): void;
}

/** @param onDrift told when parts begin or cease to be far from their tables */
export function createCorrector(onDrift: (drift: Drift) => void): Corrector {
  const tracker = createCorrectionTracker();
  const ownMap = createOwnMap();
  const overhead = createFrameOverhead();
  const spread = createDeviceSpread({ of: tracker.segmentLevel, assumed: tracker.meanLevel });
  const corrected = createCorrectedPlans(tracker.segmentFactor);
  let under: DeviceConfiguration | undefined;
  /** By the tables alone, as the last frame was planned. */
  let lastTables: PlanningInput | undefined;
  const tellDrift = driftTeller(tracker, onDrift);

  function use(configuration: DeviceConfiguration): void {
    if (under === configuration) return;
    const before = under;
    under = configuration;
    if (before === undefined) return;
    const others = partsWithOtherTables(before, configuration);
    for (const part of others) tracker.reset(part);
    if (others.includes('device')) spread.reset();
    corrected.refresh();
    // A late reply is of the tables before, and says nothing of these.
    if (others.length > 0) lastTables = undefined;
    tellDrift();
  }

  function factors(configuration: DeviceConfiguration): Correction {
    use(configuration);
    const { device, worker } = tracker.factors();
    return { device, worker };
  }

  /** @param run absent: the device's times are not compared */
  function compare(tables: PlanningInput, plan: Plan, measured: Partial<PartTimes>, run?: RunOfSegment): void {
    const expected = expectedOf(tables, plan);
    if (expected === undefined) return;
    if (run !== undefined && measured.device !== undefined) {
      const factor = tracker.factors().device * tracker.segmentFactor(run.segment);
      spread.observe(run.segment, expected.device * factor, measured.device);
    }
    tracker.observe(expected, measured, run);
    corrected.refresh();
    tellDrift();
  }

  const learnWorker = (tables: PlanningInput, plan: Plan, { computeUs }: WorkerReport): void =>
    compare(tables, plan, { worker: computeUs / 1000 });

  return {
    use,
    factors,
    plansFor: corrected.of,
    frameMs: overhead.ms,
    deviceSpread: spread.value,
    mapFor: ownMap.of,
    learn({ configuration, input, plans, segment, decision, outcome, preprocessMs, elapsedMs }) {
      // What is in force now has other tables, of which the frame says nothing.
      if (under !== undefined && under !== configuration) return;
      const tables = tablesOf(input, plans);
      lastTables = tables;
      // A frame that fell back was run by two plans: its times belong to neither.
      if (outcome.fallback === null) {
        compare(tables, decision.candidate.plan, measuredBy(outcome, preprocessMs), { segment });
        overhead.observe(elapsedMs - (totalOf(outcome.breakdownMs) - preprocessMs));
      } else if (outcome.unusedReport !== undefined) {
        // The worker ran its part of the plan all the same.
        learnWorker(tables, decision.candidate.plan, outcome.unusedReport);
      }
      const { map, policy } = configuration;
      if (policy.configurator === 'static' || map === null) return;
      const now = { plans: corrected.now(plans), correction: factors(configuration), frameMs: overhead.ms() };
      ownMap.refresh(map, { ...input, ...now });
    },
    learnRehearsal({ exit, segment, computeMs }) {
      if (lastTables === undefined) return;
      const branch = lastTables.plans.local.find(({ plan }) => plan.exit === exit);
      if (branch) compare(lastTables, branch.plan, { device: computeMs }, { segment, between: true });
    },
    learnLate(plan, report) {
      if (lastTables !== undefined) learnWorker(lastTables, plan, report);
    },
  };
}

/** An early exit that was asked is no part of the plan, and where it answered the head was all that was run of it. */
function measuredBy({ breakdownMs, asked }: FrameOutcome, preprocessMs: number): Partial<PartTimes> {
  const { device, ...parts } = partTimes(breakdownMs);
  const headMs = device - preprocessMs - (asked?.ms ?? 0);
  return { device: headMs, ...(asked?.confident === true ? {} : parts) };
}

/** @returns tells it once when parts begin or cease to drift */
function driftTeller(tracker: CorrectionTracker, onDrift: (drift: Drift) => void): () => void {
  let drifting = '';
  return () => {
    const drift = tracker.drift();
    const parts = Object.keys(drift).join();
    if (parts === drifting) return;
    drifting = parts;
    onDrift(drift);
  };
}

/** @returns what is predicted by other tables than before, or by none that were right for it */
function partsWithOtherTables(before: DeviceConfiguration, after: DeviceConfiguration): CorrectedPart[] {
  const isOther = before.model.digest !== after.model.digest;
  const isOtherDevice = isOther || !isDeepStrictEqual(before.deviceProfile, after.deviceProfile);
  const isOtherWorker = isOther || !isDeepStrictEqual(before.worker, after.worker);
  return [...(isOtherDevice ? (['device'] as const) : []), ...(isOtherWorker ? (['worker', 'transfer'] as const) : [])];
}

/** @returns what predicts times by the tables alone */
function tablesOf(
  { correction: _, frameMs: __, busyMs: ___, ...input }: PlanningInput,
  plans: PreparedPlans,
): PlanningInput {
  return { ...input, plans };
}

/** @returns undefined where the tables lack the plan */
function expectedOf(tables: PlanningInput, plan: Plan): PartTimes | undefined {
  const prediction = predict(tables, plan);
  return prediction && partTimes(prediction.breakdownMs);
}

function totalOf({ device, encode, upload, queue, worker, download }: Breakdown): number {
  return device + encode + upload + queue + worker + download;
}
