import { beforeAll, describe, expect, test } from 'vitest';
import { fitLatencyModel } from '../../../shared/planner/fit-latency-model.ts';
import { modelShape } from '../../../shared/planner/model-shape.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import { policyParser } from '../../../shared/protocol/messages.ts';
import { seededRandom } from '../../../shared/runtime/random.ts';
import { readProfiled } from '../../regressions/known-models.ts';
import type { Case } from './cases.ts';
import { type PlansByWay, plansByWay, predictByWay } from './predict-by-way.ts';
import { judge } from './verdict.ts';

const factors = [1, 5, 20];
const rates = [0.25, 1, 10];

/** Of profiles that were measured once and kept. */
let plans: PlansByWay;

beforeAll(async () => {
  const { profile, description } = await readProfiled('alexnet-32');
  const latencyModel = fitLatencyModel([await readProfiled('calibration')]);
  plans = plansByWay({ profile, description, latencyModel, model: modelShape(description, { exits: [] }) });
});

function inputAt(factor: number, mbps: number): Omit<PlanningInput, 'plans'> {
  const policy = {
    name: 'test',
    version: 1,
    deadlineMs: 60_000,
    minimumAccuracy: 0,
    accuracyTolerance: 0,
    marginMs: 0,
  };
  return {
    policy: policyParser.parse({ ...policy, encodings: ['u8'], directions: ['device-first'] }),
    processorFactor: factor,
    offload: { queueMs: 0.4, link: { uplinkMbps: mbps, downlinkMbps: mbps, rttMs: 6 } },
    encodeNs: { f32: 0, f16: 5, u8: 2 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

/** Frames that take what the profiles say, but for up to 5 % either way. */
function served(): Case[] {
  const random = seededRandom(1);
  return factors.flatMap((factor) =>
    rates.map((mbps): Case => {
      const input = inputAt(factor, mbps);
      const device = plans.profiles.all.filter(({ plan }) => plan.direction === 'device-first');
      const rows = device.map(({ plan: { encoding: _, ...plan }, isLocal }) => {
        const predictedMs = predictByWay(plans, input, { ...plan, encoding: isLocal ? 'f32' : 'u8' });
        const measuredMs = predictedMs.profiles * (0.95 + 0.1 * random());
        const { exit, partition } = plan;
        return { exit, partition, uploadBytes: 0, measuredMs, predictedMs, inServiceMs: predictedMs.profiles };
      });
      const emulation = { device: factor, worker: 1, rttMs: 4 };
      return { model: 'branchy-alexnet-32', emulation, mbps, frames: 1, rttMs: 6, rows };
    }),
  );
}

describe('predictions of every exit and partition', () => {
  test('hold where they are off by little, and from regressions of another model by more', () => {
    const [profiles, regressions] = [judge(served(), 'profiles'), judge(served(), 'regressions')];
    expect(profiles.holds).toBe(true);
    expect(regressions.holds).toBe(true);
    expect(profiles.groups).toHaveLength(factors.length * rates.length);
    expect(Math.max(...profiles.groups.map(({ medianError }) => medianError))).toBeLessThan(0.04);
  });

  test('hold no longer where the planner’s profiles say 30 % too much', () => {
    const { holds, groups } = judge(served(), 'perturbed');
    expect(holds).toBe(false);
    // Where a slow link takes most of the time nothing of the profile shows.
    const failed = groups.filter((group) => !group.holds).map(({ factor, mbps }) => [factor, mbps]);
    expect(failed).toContainEqual([20, 10]);
    expect(failed).not.toContainEqual([1, 0.25]);
  });

  test('hold nowhere as a whole where one processor and link is off', () => {
    const [first, ...others] = served();
    const rows = first?.rows.map((row) => ({ ...row, measuredMs: 2 * row.measuredMs })) ?? [];
    const cases = first === undefined ? [] : [{ ...first, rows }, ...others];
    expect(judge(cases, 'profiles').holds).toBe(false);
    expect(judge(cases.slice(1), 'profiles').holds).toBe(true);
  });

  test('do not hold with a single one below zero, however small the errors', () => {
    const cases = served();
    const row = cases[4]?.rows[7];
    if (row !== undefined) row.predictedMs = { ...row.predictedMs, profiles: -0.001 };
    expect(judge(cases, 'profiles')).toMatchObject({ holds: false, leastPredictedMs: -0.001 });
    expect(judge(cases, 'regressions').holds).toBe(true);
  });

  test('are not said to hold where nothing was measured', () => {
    expect(judge([], 'profiles').holds).toBe(false);
  });
});
