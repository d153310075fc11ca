/** What measuring one segment further costs. */
export interface RunCost {
  readonly key: string;
  /** Runs that are still wanted. */
  readonly wanted: number;
  /** One run and the pause before it, ms. */
  readonly runMs: number;
  /** What comes on top, however many runs there are: loading and warming up, ms. */
  readonly fixedMs: number;
}

/**
 * Shares time among segments: nobody gets more than an equal share of what is left, and what the cheap ones do not
 * need goes to the expensive ones. So the cheap ones get all their runs first.
 * @returns runs by key, those without any left out; together they take no more than `leftMs`
 */
export function allotRuns(costs: readonly RunCost[], leftMs: number): Map<string, number> {
  const allotted = new Map<string, number>();
  let restMs = Math.max(0, leftMs);
  const cheapestFirst = costs.toSorted((one, other) => totalMs(one) - totalMs(other));
  for (const [index, { key, wanted, runMs, fixedMs }] of cheapestFirst.entries()) {
    const shareMs = restMs / (costs.length - index);
    const affordable = Math.floor((shareMs - fixedMs) / Math.max(runMs, Number.EPSILON));
    const runs = Math.min(wanted, affordable);
    if (runs <= 0) continue;
    allotted.set(key, runs);
    restMs -= fixedMs + runs * runMs;
  }
  return allotted;
}

function totalMs({ wanted, runMs, fixedMs }: RunCost): number {
  return fixedMs + wanted * runMs;
}
