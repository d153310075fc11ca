import type { Claim } from './document.ts';

/**
 * Makes one verdict of those of several places.
 * INVARIANT: one place that fails is enough to fail; “holds” alone is said only where it holds at each.
 */
export function verdictOver(verdicts: readonly Claim['verdict'][]): Claim['verdict'] {
  if (verdicts.includes('holds not')) return 'holds not';
  if (verdicts.some(isHolding)) {
    return verdicts.every((verdict) => verdict === 'holds') ? 'holds' : 'holds where compared';
  }
  return verdicts.includes('nothing to compare') ? 'nothing to compare' : 'not measured';
}

/** @returns at how many of the places something was found that could be compared, in words */
export function comparedAt(verdicts: readonly Claim['verdict'][], places: string): string {
  const compared = verdicts.filter((verdict) => verdict === 'holds not' || isHolding(verdict)).length;
  return `something to compare at ${compared} of ${verdicts.length} ${places}`;
}

function isHolding(verdict: Claim['verdict']): boolean {
  return verdict === 'holds' || verdict === 'holds where compared';
}
