import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planningInput, planTables, type SmallExit } from '../testing/planning-input.ts';
import { planStatic } from './algorithm-1.ts';
import { planAsPrinted } from './algorithm-1-as-printed.ts';
import { buildConfigurationMap } from './algorithm-2.ts';
import type { PlanningInput } from './predict.ts';
import { preparePlans } from './prepared-plans.ts';

const exit: SmallExit = { accuracy: 0.8, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const good = planningInput([exit]);
const states = [{ mbps: 1, fromMbps: 0 }];
const invalid = expect.objectContaining({ name: 'FleetError', code: 'planning-input-invalid' });

const noNumber = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
const negative = fc.double({ max: -Number.MIN_VALUE, noNaN: true });
const notPositive = fc.oneof(noNumber, negative, fc.constantFrom(0, -0));
const belowZero = fc.oneof(noNumber, negative);
const noShare = fc.oneof(belowZero, fc.double({ min: 1.000001, noNaN: true }));

type Spoil = (value: number) => PlanningInput;

const policyWith = (change: Partial<PlanningInput['policy']>): PlanningInput => ({
  ...good,
  policy: { ...good.policy, ...change },
});
const linkWith = (change: object, queueMs = 0): PlanningInput => ({
  ...good,
  offload: { queueMs, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0, ...change } },
});

const rows: [title: string, values: fc.Arbitrary<number>, spoil: Spoil][] = [
  ['an uplink rate', notPositive, (uplinkMbps) => linkWith({ uplinkMbps })],
  ['a downlink rate', notPositive, (downlinkMbps) => linkWith({ downlinkMbps })],
  ['an rtt', belowZero, (rttMs) => linkWith({ rttMs })],
  ['a queue', belowZero, (queueMs) => linkWith({}, queueMs)],
  ['a deadline', notPositive, (deadlineMs) => policyWith({ deadlineMs })],
  ['a margin', belowZero, (marginMs) => policyWith({ marginMs })],
  ['a tolerance', belowZero, (accuracyTolerance) => policyWith({ accuracyTolerance })],
  ['a minimum accuracy', noShare, (minimumAccuracy) => policyWith({ minimumAccuracy })],
  ['a weight', belowZero, (accuracy) => policyWith({ rewardWeights: { accuracy, throughput: 1 } })],
  ['a processor factor', notPositive, (processorFactor) => ({ ...good, processorFactor })],
  ['a time of every frame', belowZero, (frameMs) => ({ ...good, frameMs })],
  [
    'a spread',
    fc.oneof(noNumber, fc.double({ max: 0.999999, noNaN: true })),
    (deviceSpread) => ({ ...good, deviceSpread }),
  ],
  ['a time of a busy thread', belowZero, (busyMs) => ({ ...good, busyMs })],
  ['a time to encode', belowZero, (f16) => ({ ...good, encodeNs: { f32: 1e9, f16, u8: 0 } })],
  ['a time to decode', belowZero, (u8) => ({ ...good, decodeNs: { f32: 1e9, f16: 0, u8 } })],
];

describe.each(rows)('%s that is none', (_title, values, spoil) => {
  test('is refused by a code, whatever plans with it', () => {
    fc.assert(
      fc.property(values, (value) => {
        const input = spoil(value);
        expect(() => planStatic(input)).toThrow(invalid);
        expect(() => buildConfigurationMap({ input, states, revision: '1' })).toThrow(invalid);
      }),
    );
  });
});

test('a table with a time that is none is refused by a code', () => {
  fc.assert(
    fc.property(belowZero, fc.constantFrom<'headMs' | 'tailMs'>('headMs', 'tailMs'), (ms, part) => {
      const tables = planTables([{ ...exit, [part]: [ms, ms, ms] }]);
      expect(() => preparePlans(tables)).toThrow(invalid);
    }),
  );
});

test('an accuracy that is none is refused by a code, in f32 and in an encoding', () => {
  fc.assert(
    fc.property(noShare, (accuracy) => {
      expect(() => preparePlans(planTables([{ ...exit, accuracy }]))).toThrow(invalid);
      const encoded = { ...exit, encodedAccuracy: { u8: [0.5, accuracy] } };
      expect(() => preparePlans(planTables([encoded]))).toThrow(invalid);
    }),
  );
});

test('a table that lacks segments leaves out the plans that need them, and no others', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(3), (heads, tails) => {
      const tables = planTables([
        { ...exit, headMs: exit.headMs.slice(0, heads), tailMs: exit.tailMs.slice(0, tails) },
      ]);
      const { all } = preparePlans(tables);
      const placesOf = (direction: string): number[] => [
        ...new Set(all.filter(({ plan }) => plan.direction === direction).map(({ plan }) => plan.partition)),
      ];
      const both = [0, 1].filter((p) => p < heads && p < tails);
      expect(placesOf('device-first')).toEqual(heads === 3 ? [2, ...both] : both);
      expect(placesOf('edge-first')).toEqual(both.filter((p) => p > 0));
    }),
  );
});

test('without a bandwidth, only whole branches on the device are plans', () => {
  const result = planStatic({ ...good, offload: null });
  expect(result.kind === 'feasible' && result.chosen.plan.partition).toBe(2);
});

test('the printed algorithm refuses what is no number by a code', () => {
  const branches = [{ edgeMs: [1], deviceMs: [2], outputBytes: [10] }];
  const printed = { branches, inputBytes: 100, bandwidthMbps: 1, latencyMs: 10 };
  fc.assert(
    fc.property(belowZero, (value) => {
      expect(() => planAsPrinted({ ...printed, bandwidthMbps: value })).toThrow(invalid);
      expect(() => planAsPrinted({ ...printed, latencyMs: value })).toThrow(invalid);
      expect(() => planAsPrinted({ ...printed, inputBytes: value })).toThrow(invalid);
      const spoilt = [{ edgeMs: [1], deviceMs: [value], outputBytes: [10] }];
      expect(() => planAsPrinted({ ...printed, branches: spoilt })).toThrow(invalid);
    }),
  );
  expect(() => planAsPrinted({ ...printed, bandwidthMbps: 0 })).toThrow(invalid);
  const short = [{ edgeMs: [1, 1], deviceMs: [2], outputBytes: [10, 10] }];
  expect(() => planAsPrinted({ ...printed, branches: short })).toThrow(invalid);
});
