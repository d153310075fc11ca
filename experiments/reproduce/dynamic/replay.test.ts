import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BandwidthTrace, constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { Policy } from '../../../shared/protocol/messages.ts';
import { scenarioInput } from '../../detectors/scenario.ts';
import { dynamic } from './methods/dynamic.ts';
import type { DynamicMethod } from './methods/method.ts';
import { dynamicMethods } from './methods/methods.ts';
import { oracle } from './methods/oracle.ts';
import { replanned } from './methods/replanned.ts';
import { mapFor, mappings, replayOn, type Stage } from './place.ts';
import { placeCosts } from './plan-costs.ts';
import { createRatePlanner } from './rate-planner.ts';
import { type PlayedFrame, replay } from './replay.ts';
import { latencyMs, type Objective, rewardOf } from './score.ts';

/** Exit 1 alone takes 60 ms on the device, the deadline is 100 ms: five plans are right at some rate. */
function stageFor(objective: Objective, change: Partial<Policy> = {}): Stage {
  const base = scenarioInput(1);
  const policy: Policy = { ...base.policy, objective, ...change };
  const input = { ...base, policy };
  const costs = placeCosts(input);
  const planAt = createRatePlanner(input, costs);
  return { input, costs, planAt, objective, mapping: mappings[objective], deviceVariation: 0.005 };
}

const states = [0.3, 0.7, 1.5, 3, 6].map((mbps, i, all) => ({ mbps, fromMbps: i === 0 ? 0 : (all[i - 1] ?? 0) * 1.4 }));
const periodMs = 200;

function play(stage: Stage, method: DynamicMethod, trace: BandwidthTrace, exact = false): PlayedFrame[] {
  const options = replayOn(stage, { method, trace, index: 0, map: mapFor(stage, states), periodMs });
  return [...replay(exact ? { ...options, slownessAt: () => 1, measuredAt: () => 1, p99Slowness: 1 } : options)];
}

/** Seconds of rates, some of them 0. */
const traces = fc
  .array(fc.oneof(fc.double({ min: 0.05, max: 10, noNaN: true }), fc.constant(0)), { minLength: 3, maxLength: 12 })
  .filter((rates) => rates.some((mbps) => mbps > 0))
  .map(
    (rates): BandwidthTrace => ({
      name: 'generated',
      steps: rates.map((mbps, i) => ({ startMs: 1000 * i, mbps })),
      durationMs: 1000 * rates.length,
    }),
  );

describe('a replay', () => {
  test('is the same again and again', () => {
    const stage = stageFor('accuracy');
    const trace = { ...constantTrace(2), durationMs: 20_000 };
    expect(play(stage, dynamic, trace)).toEqual(play(stage, dynamic, trace));
  });

  test('has one frame a period, back to back where there is none', () => {
    const stage = stageFor('accuracy');
    const trace = { ...constantTrace(5), durationMs: 10_000 };
    const frames = play(stage, dynamic, trace);
    const gaps = new Set(frames.slice(1).map(({ startMs }, i) => Math.round(startMs - (frames[i]?.startMs ?? 0))));
    expect(gaps).toEqual(new Set([periodMs]));
    const map = mapFor(stage, states);
    const dense = [...replay(replayOn(stage, { method: dynamic, trace, index: 0, map, periodMs: 0 }))];
    for (const [i, frame] of dense.slice(1).entries()) expect(frame.startMs).toBe(dense[i]?.endMs);
  });

  test('learns the link from its frames: on a constant link all plan as for its rate', () => {
    const stage = stageFor('accuracy');
    const trace = { ...constantTrace(6), durationMs: 30_000 };
    const { plan } = stage.planAt(6);
    for (const method of [dynamic, replanned]) {
      expect(play(stage, method, trace, true).at(-1)?.planned.plan, method.name).toEqual(plan);
    }
  });

  test('while nothing is sent, probes find out that the link has become faster', () => {
    const stage = stageFor('accuracy');
    const steps = [
      { startMs: 0, mbps: 0.3 },
      { startMs: 10_000, mbps: 8 },
    ];
    const frames = play(stage, dynamic, { name: 'rise', steps, durationMs: 40_000 }, true);
    expect(frames.find(({ startMs }) => startMs > 9000)?.planned.isLocal).toBe(true);
    expect(frames.at(-1)?.planned.isLocal).toBe(false);
  });

  test('the fallback keeps every deadline, whatever the link does', () => {
    const stage = stageFor('accuracy');
    fc.assert(
      fc.property(traces, (trace) => {
        for (const method of dynamicMethods.filter(({ byAgent }) => byAgent)) {
          for (const frame of play(stage, method, trace)) {
            expect(latencyMs(frame), method.name).toBeLessThanOrEqual(stage.input.policy.deadlineMs);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('the fallback ends on the deepest exit, and in time, where that is cheap', () => {
    const deadlineMs = 100_000;
    const stage = stageFor('accuracy', { deadlineMs });
    // The link carries something in the first second, and then nothing that helps.
    const steps = [
      { startMs: 0, mbps: 10 },
      { startMs: 1000, mbps: 0.0001 },
    ];
    const frames = play(stage, dynamic, { name: 'dead', steps, durationMs: 200_000 });
    const rescued = frames.filter(({ fellBack }) => fellBack);
    expect(rescued.length).toBeGreaterThan(0);
    expect(new Set(rescued.map(({ ranWhole }) => ranWhole))).toEqual(new Set([stage.costs.local.at(-1)?.plan.exit]));
    for (const frame of frames) expect(latencyMs(frame)).toBeLessThanOrEqual(deadlineMs);
  });

  test('no method is better than the oracle', () => {
    fc.assert(
      fc.property(traces, fc.constantFrom<Objective>('paper', 'accuracy'), (trace, objective) => {
        const stage = stageFor(objective);
        const { deadlineMs } = stage.input.policy;
        const rewardsOf = (method: DynamicMethod): Map<number, number> =>
          new Map(
            play(stage, method, trace, true).map((frame) => [frame.startMs, rewardOf(objective, frame, deadlineMs)]),
          );
        const best = rewardsOf(oracle);
        for (const method of dynamicMethods) {
          // Who waits for a late reply has no frame meanwhile, and others at other moments.
          for (const [startMs, reward] of rewardsOf(method)) {
            const most = best.get(startMs) ?? Number.POSITIVE_INFINITY;
            expect(reward, `${method.name}, frame at ${startMs} ms`).toBeLessThanOrEqual(most + 1e-9);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
