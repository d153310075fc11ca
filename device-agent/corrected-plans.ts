import type { Plan } from '../shared/planner/plan.ts';
import { type PreparedPlans, withSegmentFactors } from '../shared/planner/prepared-plans.ts';

/** The plans of the tables with what each segment of this device is off by. */
export interface CorrectedPlans {
  /**
   * @param plans by the tables
   * @param segmentOf names what of a plan this device runs
   */
  of(plans: PreparedPlans, segmentOf: (plan: Plan) => string): PreparedPlans;
  /** @returns the same for tables that they were asked for last, else the tables */
  now(tables: PreparedPlans): PreparedPlans;
  /** Follows what segments are known to be off by now. Plans that were handed out stay as they are. */
  refresh(): void;
}

/** A segment that moved by less is where it was: making plans anew costs a fraction of a millisecond. */
const stillShare = 0.01;

interface Corrected {
  /** By the tables. */
  tables: PreparedPlans;
  /** Of each plan, as they stand in `all`. */
  segments: readonly string[];
  names: readonly string[];
  factors: Float64Array;
  plans: PreparedPlans;
}

/** @param factorOf what a segment's times are to be multiplied by */
export function createCorrectedPlans(factorOf: (segment: string) => number): CorrectedPlans {
  let current: Corrected | undefined;

  function correct(of: Omit<Corrected, 'factors' | 'plans'>): Corrected {
    const factors = factorsOf(of);
    return { ...of, factors, plans: withSegmentFactors(of.tables, factors) };
  }

  function factorsOf({ segments, names }: Pick<Corrected, 'segments' | 'names'>): Float64Array {
    const known = new Map(names.map((name) => [name, factorOf(name)]));
    return Float64Array.from(segments, (segment) => known.get(segment) ?? 1);
  }

  return {
    of(tables, segmentOf) {
      if (current?.tables !== tables) {
        const segments = tables.all.map(({ plan }) => segmentOf(plan));
        current = correct({ tables, segments, names: [...new Set(segments)] });
      }
      return current.plans;
    },
    now: (tables) => (current?.tables === tables ? current.plans : tables),
    refresh() {
      if (current === undefined) return;
      const { factors, ...rest } = current;
      const now = factorsOf(rest);
      if (now.some((factor, i) => Math.abs(factor / (factors[i] ?? 1) - 1) > stillShare)) {
        current = correct(rest);
      }
    },
  };
}
