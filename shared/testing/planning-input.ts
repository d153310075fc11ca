import fc from 'fast-check';
import type { Plan } from '../planner/plan.ts';
import type { PlanningInput } from '../planner/predict.ts';
import type { Policy } from '../protocol/messages.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import { encodings } from '../protocol/tensor-encoding.ts';
import type { Direction } from '../protocol/tensor-frame.ts';

/** One exit in a test's words: T of the head and of the tail at each partition, ms. */
export interface SmallExit {
  accuracy: number;
  headMs: readonly number[];
  tailMs: readonly number[];
  /** Elements of each cut. */
  elements: readonly number[];
}

export const samplePolicy: Policy = {
  name: 'test',
  version: 1,
  deadlineMs: 100,
  minimumAccuracy: 0,
  accuracyTolerance: 0,
  encodings: ['f32'],
  directions: ['device-first'],
  marginMs: 0,
};

/** @returns an input with these exits, a device as fast as its profile and a link of 8 Mbit/s without delay */
export function planningInput(exits: readonly SmallExit[], policy: Partial<Policy> = {}): PlanningInput {
  return {
    model: {
      exits: exits.map(({ accuracy, elements }, index) => ({
        name: `exit${index + 1}`,
        accuracy,
        cuts: elements.map((count) => [{ elements: count, rank: 2 }]),
      })),
    },
    policy: { ...samplePolicy, ...policy },
    device: tableOf(exits),
    processorFactor: 1,
    offload: { worker: tableOf(exits), queueMs: 0, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0 } },
    encodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

function tableOf(exits: readonly SmallExit[]): LatencyTable {
  const timings = (list: readonly number[]) => list.map((ms) => ({ medianMs: ms, p90Ms: ms }));
  return {
    hardwareClass: 'test',
    exits: exits.map(({ headMs, tailMs }, index) => ({
      name: `exit${index + 1}`,
      head: timings(headMs),
      tail: timings(tailMs),
    })),
  };
}

const smallExit: fc.Arbitrary<SmallExit> = fc.integer({ min: 2, max: 12 }).chain((cuts) => {
  const times = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: cuts, maxLength: cuts });
  return fc.record({
    accuracy: fc.integer({ min: 10, max: 20 }).map((step) => step / 20),
    headMs: times.map((list) => list.toSorted((a, b) => a - b)),
    tailMs: times,
    elements: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: cuts, maxLength: cuts }),
  });
});

/** Random models, tables, links and policies; about a third has nobody to offload to or plans left out. */
export const arbitraryPlanningInput: fc.Arbitrary<PlanningInput> = fc
  .record({
    exits: fc.array(smallExit, { minLength: 1, maxLength: 5 }),
    policy: fc.record({
      deadlineMs: fc.integer({ min: 1, max: 200 }),
      minimumAccuracy: fc.constantFrom(0, 0, 0.6, 0.75, 0.99),
      accuracyTolerance: fc.constantFrom(0, 0.05, 0.1, 1),
      encodings: fc.subarray([...encodings], { minLength: 1 }),
      directions: fc.constantFrom<Direction>('device-first', 'device-first', 'edge-first').map((one) => [one]),
      marginMs: fc.constantFrom(0, 5, 20),
    }),
    processorFactor: fc.constantFrom(1, 1, 3, 20),
    queueMs: fc.integer({ min: 0, max: 50 }),
    link: fc.record({
      uplinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
      downlinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
      rttMs: fc.integer({ min: 0, max: 80 }),
    }),
    canOffload: fc.constantFrom(true, true, true, false),
    encodeNs: fc.record({ f32: fc.nat(20), f16: fc.nat(100), u8: fc.nat(100) }),
    leftOut: fc.option(fc.func<[string], boolean>(fc.boolean()), { freq: 3 }),
  })
  .map(({ exits, policy, processorFactor, queueMs, link, canOffload, encodeNs, leftOut }) => {
    const base = planningInput(exits, policy);
    const offload = canOffload ? { worker: base.device, queueMs, link } : null;
    const input: PlanningInput = { ...base, processorFactor, offload, encodeNs };
    return leftOut === null ? input : { ...input, allow: (plan: Plan) => !leftOut(JSON.stringify(plan)) };
  });
