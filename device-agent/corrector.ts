import { isDeepStrictEqual } from 'node:util';
import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { type Correction, createCorrectionTracker, type PartTimes, partTimes } from '../shared/planner/correction.ts';
import { createDeviceSpread } from '../shared/planner/device-spread.ts';
import { createFrameOverhead } from '../shared/planner/frame-overhead.ts';
import type { Breakdown, Plan } from '../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../shared/planner/predict.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import type { DeviceConfiguration, Drift } from '../shared/protocol/messages.ts';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import type { Decision } from './decision.ts';
import type { FrameOutcome } from './frame-run.ts';
import { createOwnMap } from './own-map.ts';

/** A frame that has ended, with what it was run by. */
export interface RanFrame {
  configuration: DeviceConfiguration;
  input: PlanningInput;
  decision: Decision;
  outcome: FrameOutcome;
  /** Spent before the plan was begun, which no table counts, ms. */
  preprocessMs: number;
  /** From taking the frame to its end, ms. */
  elapsedMs: number;
}

/** Corrects predictions, and the map that was made of them, by what frames really take. */
export interface Corrector {
  /** A configuration came into force: begins anew for each part whose tables are other ones; it drifts no more. */
  use(configuration: DeviceConfiguration): void;
  /** For planning under this configuration, which it then uses. */
  factors(configuration: DeviceConfiguration): Correction;
  /** What frames take besides their plans, ms. */
  frameMs(): number;
  /** How many times longer than predicted the device computes at its slowest, at least 1. */
  deviceSpread(): number;
  mapFor(pushed: ConfigurationMap): ConfigurationMap;
  /** To be called between frames. */
  learn(frame: RanFrame): void;
  /** The fastest exit was run whole for the sake of its time, ms. */
  learnFastest(computeMs: number): void;
  /** A reply that came after its frame had ended still tells how fast the worker is. */
  learnLate(plan: Plan, report: WorkerReport): void;
}

/** @param onDrift told when parts begin or cease to be far from their tables */
export function createCorrector(onDrift: (drift: Drift) => void): Corrector {
  const tracker = createCorrectionTracker();
  const ownMap = createOwnMap();
  const overhead = createFrameOverhead();
  const spread = createDeviceSpread();
  let under: DeviceConfiguration | undefined;
  let lastInput: PlanningInput | undefined;
  let drifting = '';

  function use(configuration: DeviceConfiguration): void {
    if (under === configuration) return;
    const before = under;
    under = configuration;
    if (before === undefined) return;
    const { isOtherDevice, isOtherWorker } = compareTables(before, configuration);
    if (isOtherDevice) {
      tracker.reset('device');
      spread.reset();
    }
    if (isOtherWorker) {
      tracker.reset('worker');
      tracker.reset('transfer');
    }
    // A late reply is of the tables before, and says nothing of these.
    if (isOtherDevice || isOtherWorker) lastInput = undefined;
    tellDrift();
  }

  function tellDrift(): void {
    const drift = tracker.drift();
    const parts = Object.keys(drift).join();
    if (parts === drifting) return;
    drifting = parts;
    onDrift(drift);
  }

  function factors(configuration: DeviceConfiguration): Correction {
    use(configuration);
    const { device, worker } = tracker.factors();
    return { device, worker };
  }

  function compare(input: PlanningInput, plan: Plan, measured: Partial<PartTimes>): void {
    const expected = expectedOf(input, plan);
    if (expected === undefined) return;
    if (measured.device !== undefined) {
      spread.observe(expected.device * (input.correction?.device ?? 1), measured.device);
    }
    tracker.observe(expected, measured);
    tellDrift();
  }

  function learnWorker(input: PlanningInput, plan: Plan, { computeUs }: WorkerReport): void {
    compare(input, plan, { worker: computeUs / 1000 });
  }

  return {
    use,
    factors,
    frameMs: overhead.ms,
    deviceSpread: spread.value,
    mapFor: ownMap.of,
    learn({ configuration, input, decision, outcome, preprocessMs, elapsedMs }) {
      lastInput = input;
      // A frame that fell back was run by two plans: its times belong to neither.
      if (outcome.fallback === null) {
        const { device, ...parts } = partTimes(outcome.breakdownMs);
        compare(input, decision.candidate.plan, { device: device - preprocessMs, ...parts });
        overhead.observe(elapsedMs - (totalOf(outcome.breakdownMs) - preprocessMs));
      } else if (outcome.unusedReport !== undefined) {
        // The worker ran its part of the plan all the same.
        learnWorker(input, decision.candidate.plan, outcome.unusedReport);
      }
      const { map, policy } = configuration;
      if (policy.configurator === 'static' || map === null) return;
      ownMap.refresh(map, { ...input, correction: factors(configuration), frameMs: overhead.ms() });
    },
    learnFastest(computeMs) {
      if (lastInput !== undefined) spread.observe(fastestLocalMs(lastInput), computeMs);
    },
    learnLate(plan, report) {
      if (lastInput !== undefined) learnWorker(lastInput, plan, report);
    },
  };
}

/** @returns which sides are predicted by other tables than before */
function compareTables(
  before: DeviceConfiguration,
  after: DeviceConfiguration,
): { isOtherDevice: boolean; isOtherWorker: boolean } {
  const isOther = before.model.digest !== after.model.digest;
  return {
    isOtherDevice: isOther || !isDeepStrictEqual(before.deviceProfile, after.deviceProfile),
    isOtherWorker: isOther || !isDeepStrictEqual(before.worker, after.worker),
  };
}

/** @returns times by the tables alone; undefined where they lack the plan */
function expectedOf(
  { correction: _, frameMs: __, busyMs: ___, ...tables }: PlanningInput,
  plan: Plan,
): PartTimes | undefined {
  const prediction = predict(tables, plan);
  return prediction && partTimes(prediction.breakdownMs);
}

function totalOf({ device, encode, upload, queue, worker, download }: Breakdown): number {
  return device + encode + upload + queue + worker + download;
}
