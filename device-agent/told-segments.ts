import type { PreparedPlans, SegmentFactor } from '../shared/planner/prepared-plans.ts';

/** @returns what a result or a decision tells of single segments, rounded to a millionth and to microseconds */
export function toldSegments({ segmentFactors }: PreparedPlans): { segments?: SegmentFactor[] } {
  if (segmentFactors.length === 0) return {};
  const segments = segmentFactors.map(({ factor, tableMs, ...part }) => ({
    ...part,
    factor: Math.round(factor * 1e6) / 1e6,
    tableMs: Math.round(tableMs * 1000) / 1000,
  }));
  return { segments };
}
