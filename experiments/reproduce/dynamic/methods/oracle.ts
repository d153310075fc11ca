import { transferMs } from '../../../../shared/planner/wire-bytes.ts';
import type { PlanCosts } from '../plan-costs.ts';
import { latencyMs, rewardOf } from '../score.ts';
import type { DynamicMethod, Moment, Scene } from './method.ts';

export const oracle: DynamicMethod = {
  name: 'oracle',
  about:
    'knows what the link will carry during the frame and what the device will take: of all plans the one of greatest reward, ' +
    'then of least T',
  byAgent: false,
  begin(scene) {
    const peakMbps = scene.trace.steps.reduce((peak, { mbps }) => Math.max(peak, mbps), 0);
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

function bestOf({ objective, input }: Scene, candidates: readonly Option[], { tryOut }: Moment): PlanCosts {
  let best: { plan: PlanCosts; reward: number; totalMs: number } | undefined;
  for (const { plan, mostReward } of candidates) {
    if (best !== undefined && mostReward < best.reward) break;
    const frame = tryOut(plan);
    const [reward, totalMs] = [rewardOf(objective, frame, input.policy.deadlineMs), latencyMs(frame)];
    if (best === undefined || reward > best.reward || (reward === best.reward && totalMs < best.totalMs)) {
      best = { plan, reward, totalMs };
    }
  }
  if (best === undefined) throw new RangeError('a place without plans');
  return best.plan;
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
