import fc from 'fast-check';
import { describePlan, type ExitShape, type Plan } from '../planner/plan.ts';
import type { PlanningInput } from '../planner/predict.ts';
import { type PlanTables, preparePlans } from '../planner/prepared-plans.ts';
import { type Policy, policyParser } from '../protocol/messages.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import { directions } from '../protocol/tensor-frame.ts';
import { wireEncodings } from '../protocol/wire-encoding.ts';

/** One exit in a test's words: T of the head and of the tail at each partition, ms. */
export interface SmallExit {
  accuracy: number;
  encodedAccuracy?: ExitShape['encodedAccuracy'];
  imageEncodings?: ExitShape['imageEncodings'];
  headMs: readonly number[];
  tailMs: readonly number[];
  /** Elements of each cut. */
  elements: readonly number[];
}

export const samplePolicy: Policy = policyParser.parse({
  name: 'test',
  version: 1,
  deadlineMs: 100,
  minimumAccuracy: 0,
  accuracyTolerance: 0,
  encodings: ['f32'],
  directions: ['device-first'],
  marginMs: 0,
});

/** @returns a model with these exits, on a device and a worker that are equally fast */
export function planTables(exits: readonly SmallExit[]): PlanTables {
  const model = {
    exits: exits.map(({ accuracy, encodedAccuracy, imageEncodings, elements }, index) => ({
      name: `exit${index + 1}`,
      accuracy,
      ...(encodedAccuracy === undefined ? {} : { encodedAccuracy }),
      ...(imageEncodings && { imageEncodings }),
      cuts: elements.map((count) => [{ elements: count, rank: 2 }]),
    })),
  };
  return { model, device: tableOf(exits), worker: tableOf(exits) };
}

/** @returns an input with these exits, a device as fast as its profile and a link of 8 Mbit/s without delay */
export function planningInput(exits: readonly SmallExit[], policy: Partial<Policy> = {}): PlanningInput {
  return {
    plans: preparePlans(planTables(exits)),
    policy: { ...samplePolicy, ...policy },
    processorFactor: 1,
    offload: { queueMs: 0, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0 } },
    encodeNs: { f32: 0, f16: 0, u8: 0 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

function tableOf(exits: readonly Pick<SmallExit, 'headMs' | 'tailMs'>[]): LatencyTable {
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

/** An input with what it was prepared from. */
export interface PlanningCase {
  tables: PlanTables;
  input: PlanningInput;
}

/** Accuracies of the generator are twentieths, so that tolerances decide nothing by rounding. */
const arbitraryAccuracy = fc.integer({ min: 10, max: 20 }).map((step) => step / 20);

const imageInput = fc.record({ accuracy: arbitraryAccuracy, bytes: fc.integer({ min: 1, max: 9000 }) });
const imageMs = fc.record({ encodeMs: fc.nat(8), decodeMs: fc.nat(8) });

const smallExit: fc.Arbitrary<SmallExit & { worker: Pick<SmallExit, 'headMs' | 'tailMs'> }> = fc
  .integer({ min: 2, max: 12 })
  .chain((cuts) => {
    const times = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: cuts, maxLength: cuts });
    const accuracies = fc.array(arbitraryAccuracy, { minLength: cuts - 1, maxLength: cuts - 1 });
    return fc.record({
      accuracy: arbitraryAccuracy,
      encodedAccuracy: fc.oneof(fc.constant({}), fc.record({ f16: accuracies, u8: accuracies }, { requiredKeys: [] })),
      imageEncodings: fc.record({ jpeg: imageInput, webp: imageInput }, { requiredKeys: [] }),
      headMs: times.map((list) => list.toSorted((a, b) => a - b)),
      tailMs: times,
      worker: fc.record({ headMs: times, tailMs: times }),
      elements: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: cuts, maxLength: cuts }),
    });
  });

const arbitraryPolicy = fc.record({
  deadlineMs: fc.integer({ min: 1, max: 200 }),
  minimumAccuracy: fc.constantFrom(0, 0, 0.6, 0.75, 0.99),
  accuracyTolerance: fc.constantFrom(0, 0.05, 0.1, 1),
  encodings: fc.subarray([...wireEncodings], { minLength: 1 }),
  directions: fc.subarray([...directions], { minLength: 1 }),
  marginMs: fc.constantFrom(0, 5, 20),
  objective: fc.constantFrom<Policy['objective']>('accuracy', 'accuracy', 'latency', 'paper'),
  rewardWeights: fc.constantFrom({ accuracy: 1, throughput: 1 }, { accuracy: 20, throughput: 1 }),
});

/** As service may show it, either way. */
const correctionFactor = fc.constantFrom(1 / 16, 0.4, 0.9, 1, 1.3, 2.5, 16);

/** Random models, tables, links and policies; about a third has nobody to offload to or plans left out. */
export const arbitraryPlanningCase: fc.Arbitrary<PlanningCase> = fc
  .record({
    exits: fc.array(smallExit, { minLength: 1, maxLength: 5 }),
    policy: arbitraryPolicy,
    processorFactor: fc.constantFrom(1, 1, 3, 20),
    correction: fc.option(fc.record({ device: correctionFactor, worker: correctionFactor }), { nil: undefined }),
    frameMs: fc.constantFrom(0, 0, 1, 30),
    deviceSpread: fc.constantFrom(1, 1, 1.05, 1.5, 4),
    busyMs: fc.constantFrom(0, 0, 5, 40, 150),
    queueMs: fc.integer({ min: 0, max: 50 }),
    link: fc.record({
      uplinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
      downlinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
      rttMs: fc.integer({ min: 0, max: 80 }),
    }),
    canOffload: fc.constantFrom(true, true, true, false),
    encodeNs: fc.record({ f32: fc.nat(20), f16: fc.nat(100), u8: fc.nat(100) }),
    decodeNs: fc.record({ f32: fc.nat(20), f16: fc.nat(100), u8: fc.nat(100) }),
    imageCodecMs: fc.record({ jpeg: imageMs, webp: imageMs }, { requiredKeys: [] }),
    leftOut: fc.option(fc.func<[string], boolean>(fc.boolean()), { freq: 3 }),
  })
  .map(({ exits, policy, queueMs, link, canOffload, leftOut, correction, ...rest }) => {
    const tables = { ...planTables(exits), worker: tableOf(exits.map(({ worker }) => worker)) };
    const offload = canOffload ? { queueMs, link } : null;
    const plans = preparePlans(tables);
    const corrected = correction === undefined ? {} : { correction };
    const input: PlanningInput = { plans, policy: { ...samplePolicy, ...policy }, offload, ...corrected, ...rest };
    if (leftOut === null) return { tables, input };
    return { tables, input: { ...input, allow: (plan: Plan) => !leftOut(describePlan(plan)) } };
  });
