import { type BandwidthTrace, rateAt } from '../../../../shared/planner/bandwidth-trace.ts';
import { transferMs } from '../../../../shared/planner/wire-bytes.ts';
import type { PlanCosts } from '../plan-costs.ts';
import { latencyMs, rewardOf } from '../score.ts';
import type { DynamicMethod, Moment, Scene } from './method.ts';

export const oracle: DynamicMethod = {
  name: 'oracle',
  about:
    'knows what the link will carry during the frame and what the device will take: of all plans the one of greatest reward, ' +
    'then of least T; where none has any, the fastest exit on the device, which leaves the link to the next frame',
  byAgent: false,
  begin(scene) {
    const peakMbps = peakOf(scene.trace.steps);
    const candidates = allowedPlans(scene)
      .map((plan) => ({ plan, mostReward: mostReward(scene, plan, peakMbps) }))
      .toSorted((a, b) => b.mostReward - a.mostReward);
    return { observe: () => undefined, choose: (moment) => bestOf(scene, candidates, moment) };
  },
};

interface Option {
  plan: PlanCosts;
  /** No frame of this plan on this trace comes to more. */
  mostReward: number;
}

function bestOf(scene: Scene, candidates: readonly Option[], { tryOut }: Moment): PlanCosts {
  const { objective, input, costs } = scene;
  const { deadlineMs } = input.policy;
  const [fastest] = costs.local;
  if (fastest === undefined) throw new RangeError('a place without a local exit');
  const { startMs } = tryOut(fastest);
  const peakMbps = peakWithin(scene.trace, startMs, startMs + deadlineMs);
  let best = { plan: fastest, reward: 0, totalMs: Number.POSITIVE_INFINITY };
  for (const { plan, mostReward: most } of candidates) {
    if (most < best.reward) break;
    const mostNow = mostReward(scene, plan, peakMbps);
    if (mostNow === 0 || mostNow < best.reward) continue;
    const frame = tryOut(plan);
    const [reward, totalMs] = [rewardOf(objective, frame, deadlineMs), latencyMs(frame)];
    if (reward > best.reward || (reward > 0 && reward === best.reward && totalMs < best.totalMs)) {
      best = { plan, reward, totalMs };
    }
  }
  return best.plan;
}

/** @returns the most that the link carries between two moments, Mbit/s */
function peakWithin(trace: BandwidthTrace, fromMs: number, toMs: number): number {
  if (toMs > trace.durationMs) return peakOf(trace.steps);
  const begun = trace.steps.filter(({ startMs }) => startMs > fromMs && startMs <= toMs);
  return Math.max(rateAt(trace, fromMs), peakOf(begun));
}

function peakOf(steps: BandwidthTrace['steps']): number {
  return steps.reduce((peak, { mbps }) => Math.max(peak, mbps), 0);
}

function allowedPlans({ costs, input: { policy } }: Scene): PlanCosts[] {
  return costs.plans.filter(({ isLocal, plan: { encoding, direction, partition } }) => {
    if (isLocal) return true;
    return policy.encodings.includes(encoding) && (partition === 0 || policy.directions.includes(direction));
  });
}

/** The device's own times may fall short of the tables by so much in one frame. */
const leastSlowness = 0.8;

/** @param peakMbps the most that the link ever carries */
function mostReward({ objective, costs, input }: Scene, plan: PlanCosts, peakMbps: number): number {
  const { headMs, tailMs, encodeMs, decodeMs, workerMs, uploadBytes, replyBytes, accuracy, isLocal } = plan;
  const ownMs = (headMs + tailMs) * leastSlowness + encodeMs + decodeMs + workerMs;
  const wireMs = isLocal ? 0 : costs.rttMs + transferMs(uploadBytes + replyBytes, peakMbps);
  return rewardOf(objective, { startMs: 0, endMs: ownMs + wireMs, accuracy }, input.policy.deadlineMs);
}
