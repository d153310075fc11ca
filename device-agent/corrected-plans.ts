import type { Plan } from '../shared/planner/plan.ts';
import { type PreparedPlans, withSegmentFactors } from '../shared/planner/prepared-plans.ts';

/** The plans of the tables with what each segment of this device is off by. */
export interface CorrectedPlans {
  /**
   * @param plans by the tables
   * @param segmentOf names what of a plan this device runs
   */
  of(plans: PreparedPlans, segmentOf: (plan: Plan) => string): PreparedPlans;
  /** Follows what segments are known to be off by now. To be called between frames. */
  refresh(): void;
}

/** A segment that moved by less is where it was: making plans anew costs a fraction of a millisecond. */
const stillShare = 0.01;

interface Corrected {
  /** By the tables. */
  tables: PreparedPlans;
  /** Of each plan, as they stand in `all`. */
  segments: readonly string[];
  factors: Float64Array;
  plans: PreparedPlans;
}

/** @param factorOf what a segment's times are to be multiplied by */
export function createCorrectedPlans(factorOf: (segment: string) => number): CorrectedPlans {
  let current: Corrected | undefined;

  function correct(tables: PreparedPlans, segments: readonly string[]): Corrected {
    const factors = factorsOf(segments);
    return { tables, segments, factors, plans: withSegmentFactors(tables, factors) };
  }

  function factorsOf(segments: readonly string[]): Float64Array {
    const known = new Map([...new Set(segments)].map((segment) => [segment, factorOf(segment)]));
    return Float64Array.from(segments, (segment) => known.get(segment) ?? 1);
  }

  return {
    of(tables, segmentOf) {
      if (current?.tables !== tables) {
        current = correct(
          tables,
          tables.all.map(({ plan }) => segmentOf(plan)),
        );
      }
      return current.plans;
    },
    refresh() {
      if (current === undefined) return;
      const { tables, segments, factors } = current;
      const now = factorsOf(segments);
      if (now.some((factor, i) => Math.abs(factor / (factors[i] ?? 1) - 1) > stillShare)) {
        current = correct(tables, segments);
      }
    },
  };
}
