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

/** Who gets any runs gets at least so many: for fewer it is not worth being loaded. */
const leastRuns = 4;

/**
 * Shares time among segments, the cheapest first: each gets an equal share of what is left, and what the cheap ones do
 * not need goes to the expensive ones. Where that is too little to be of use, the cheap ones get what there is.
 * @returns runs by key, those without any left out; together they take no more than `leftMs`
 */
export function allotRuns(costs: readonly RunCost[], leftMs: number): Map<string, number> {
  const allotted = new Map<string, number>();
  let restMs = Math.max(0, leftMs);
  const cheapestFirst = costs.toSorted((one, other) => totalMs(one) - totalMs(other));
  for (const [index, { key, wanted, runMs, fixedMs }] of cheapestFirst.entries()) {
    const shareMs = restMs / (costs.length - index);
    const affordable = Math.floor((shareMs - fixedMs) / Math.max(runMs, Number.EPSILON));
    const runs = Math.min(wanted, Math.max(leastRuns, affordable));
    const costMs = fixedMs + runs * runMs;
    if (costMs > restMs) continue;
    allotted.set(key, runs);
    restMs -= costMs;
  }
  return allotted;
}

/** @returns what all the runs that a segment wants cost, ms */
export function totalMs({ wanted, runMs, fixedMs }: RunCost): number {
  return fixedMs + wanted * runMs;
}
