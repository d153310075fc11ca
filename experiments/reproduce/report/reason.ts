import type { Claim } from './document.ts';

/** Why a verdict came out as it did, one text for each way that it can. */
export interface Why {
  holds: string;
  /** The physical reason; what failed, with its figures, is told before it. */
  holdsNot: string;
  /** Where there is nothing to compare, or nothing was measured. Default: that nothing was measured that could tell. */
  otherwise?: string;
  /** After `holds`, of the places where there was nothing to compare. Default: that what came out there says neither. */
  elsewhere?: string;
}

/**
 * @param failed places or figures at which the statement fails
 * @returns the reason for a verdict, which never speaks for another one
 */
export function reasonFor(verdict: Claim['verdict'], failed: readonly string[], why: Why): string {
  switch (verdict) {
    case 'holds':
      return why.holds;
    case 'holds where compared':
      return `${why.holds} ${why.elsewhere ?? 'What came out at the others says neither.'}`;
    case 'holds not':
      return `It fails at ${failed.join('; ')}. ${why.holdsNot}`;
    default:
      return why.otherwise ?? 'Nothing was measured that could tell.';
  }
}
