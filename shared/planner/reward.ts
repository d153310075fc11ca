import type { Policy } from '../protocol/messages.ts';

/** Faster than a microsecond is a rounding error of the clocks, ms. */
const leastTotalMs = 0.001;

/** @returns the paper's throughput, 1 / T, frames a second; a T below a microsecond counts as one */
export function throughputOf(totalMs: number): number {
  return 1000 / Math.max(leastTotalMs, totalMs);
}

/**
 * reward = exp(acc) + throughput where t ≤ t_req, else 0.
 * Throughput drowns accuracy: exp(0.80) − exp(0.70) is 0.21, so a fifth of a frame a second weighs as much as ten
 * points. Weights other than 1 and 1 are no part of the paper.
 * @param timing T of the strategy and the deadline t_req, ms
 * @see Li et al., "Edge AI", IEEE TWC 2020, reward of the dynamic configurator
 */
export function paperReward(
  accuracy: number,
  { totalMs, deadlineMs }: { totalMs: number; deadlineMs: number },
  weights: Policy['rewardWeights'] = { accuracy: 1, throughput: 1 },
): number {
  if (totalMs > deadlineMs) return 0;
  return weights.accuracy * Math.exp(accuracy) + weights.throughput * throughputOf(totalMs);
}
