import { fastestLocalMs } from '../../../shared/planner/admissible-plans.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import { conditionsFor, type PlanningInput } from '../../../shared/planner/predict.ts';
import type { PreparedPlan } from '../../../shared/planner/prepared-plans.ts';

/** What one plan costs at a place, apart from the link. Times in ms, those of emulated processors stretched. */
export interface PlanCosts {
  readonly plan: Plan;
  readonly accuracy: number;
  /** Nothing is sent. */
  readonly isLocal: boolean;
  /** On the device before anything is sent, and after the reply. Local: all is head. */
  readonly headMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly workerMs: number;
  readonly uploadBytes: number;
  readonly replyBytes: number;
}

/** Every plan of a place, and what a fallback needs there. */
export interface PlaceCosts {
  readonly plans: readonly PlanCosts[];
  /** Whole branches on the device, the fastest first. */
  readonly local: readonly PlanCosts[];
  /** Of a message of no size, ms. */
  readonly rttMs: number;
  /** What a frame takes on the device besides its plan, ms. */
  readonly frameMs: number;
  /** Of the fastest exit, as the tables have it, ms. */
  readonly fastestLocalMs: number;
  of(plan: Plan): PlanCosts;
}

/** Chunks are as small as on any link below 16 Mbit/s, which all traces are. */
export const slowMbps = 1;

/** @param input with a worker to offload to */
export function placeCosts(input: PlanningInput): PlaceCosts {
  const bytes = input.plans.uploadBytes(slowMbps);
  const plans = input.plans.all.map((prepared, index) => planCosts(input, prepared, bytes[index] ?? 0));
  const byKey = new Map(plans.map((costs) => [keyOf(costs.plan), costs]));
  const local = plans.filter(({ isLocal }) => isLocal).toSorted((a, b) => a.headMs - b.headMs);
  return {
    plans,
    local,
    rttMs: input.offload?.link.rttMs ?? 0,
    frameMs: input.frameMs ?? 0,
    fastestLocalMs: fastestLocalMs(input),
    of(plan) {
      const costs = byKey.get(keyOf(plan));
      if (costs === undefined) throw new RangeError(`no such plan: ${keyOf(plan)}`);
      return costs;
    },
  };
}

function planCosts(input: PlanningInput, prepared: PreparedPlan, uploadBytes: number): PlanCosts {
  const { plan, accuracy, isLocal, deviceMs, headMs, workerMs, replyBytes } = prepared;
  const { deviceFactor, workerFactor, encodeNs, decodeNs } = conditionsFor(input, prepared);
  return {
    plan,
    accuracy,
    isLocal,
    headMs: headMs * deviceFactor,
    tailMs: (deviceMs - headMs) * deviceFactor,
    encodeMs: (prepared.encodeElements * encodeNs) / 1e6,
    decodeMs: (prepared.decodeElements * decodeNs) / 1e6,
    workerMs: workerMs * workerFactor,
    uploadBytes,
    replyBytes,
  };
}

function keyOf({ exit, partition, direction, encoding }: Plan): string {
  return `${exit} ${partition} ${direction} ${encoding}`;
}
