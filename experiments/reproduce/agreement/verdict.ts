import { median, percentile } from '../../../shared/runtime/statistics.ts';
import type { Case, Row } from './cases.ts';

/** What predictions are made from. */
export type Way = keyof Row['predictedMs'];

/** The greatest median of relative errors that predictions may have at any processor and link. */
export const bars: Readonly<Record<Way, number>> = { profiles: 0.1, regressions: 0.25, perturbed: 0.1 };

/** How far predictions are off at one processor and link, |predicted / measured − 1|. */
export interface GroupVerdict {
  /** Of the device. */
  factor: number;
  mbps: number;
  medianError: number;
  p90Error: number;
  /** No median beyond the bar, no prediction below zero. */
  holds: boolean;
}

export interface Verdict {
  groups: readonly GroupVerdict[];
  leastPredictedMs: number;
  /** INVARIANT: one processor and link at which it does not hold is enough. */
  holds: boolean;
}

/** @param cases at least one */
export function judge(cases: readonly Case[], way: Way): Verdict {
  const groups = cases.map((each) => judgeCase(each, way));
  const predicted = cases.flatMap(({ rows }) => rows.map(({ predictedMs }) => predictedMs[way]));
  return {
    groups,
    leastPredictedMs: Math.min(...predicted),
    holds: groups.length > 0 && groups.every(({ holds }) => holds),
  };
}

function judgeCase({ emulation, mbps, rows }: Case, way: Way): GroupVerdict {
  const errors = rows.map(({ predictedMs, measuredMs }) => Math.abs(predictedMs[way] / measuredMs - 1));
  const medianError = median(errors);
  return {
    factor: emulation.device,
    mbps,
    medianError,
    p90Error: percentile(errors, 0.9),
    holds: medianError <= bars[way] && rows.every(({ predictedMs }) => predictedMs[way] >= 0),
  };
}
