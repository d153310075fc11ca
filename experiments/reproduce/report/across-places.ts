import type { Claim } from './document.ts';

/** What one place says of some statements. */
export interface PlaceClaims {
  /** As a reader is told it, e.g. "paper, branchy-alexnet-32". */
  place: string;
  claims: readonly Claim[];
}

/**
 * Makes one claim of each statement that is judged at several places: it holds where it holds at every place that it was
 * measured at, and says of each place what came out.
 * @returns in the order in which statements first appear
 */
export function acrossPlaces(places: readonly PlaceClaims[]): Claim[] {
  const statements = new Set(places.flatMap(({ claims }) => claims.map(({ statement }) => statement)));
  return [...statements].flatMap((statement) => {
    const told = places.flatMap(({ place, claims }) => {
      const claim = claims.find((each) => each.statement === statement);
      return claim === undefined ? [] : [{ place, claim }];
    });
    return merge(told);
  });
}

interface Told {
  place: string;
  claim: Claim;
}

function merge(told: readonly Told[]): Claim[] {
  const [first] = told;
  if (first === undefined) return [];
  return [
    {
      ...first.claim,
      ours: told.map(({ place, claim: { ours, verdict } }) => `${place}: ${verdict} (${ours})`).join('; '),
      verdict: verdictOf(told.map(({ claim }) => claim.verdict)),
      reason: eachOnce(told, ({ reason }) => reason),
      emulation: eachOnce(told, ({ emulation }) => emulation),
    },
  ];
}

function verdictOf(verdicts: readonly Claim['verdict'][]): Claim['verdict'] {
  if (verdicts.includes('holds not')) return 'holds not';
  return verdicts.includes('holds') ? 'holds' : 'not measured';
}

/** @returns what all say alike, else what each says */
function eachOnce(told: readonly Told[], textOf: (claim: Claim) => string): string {
  const texts = new Set(told.map(({ claim }) => textOf(claim)));
  if (texts.size === 1) return [...texts].join('');
  return told.map(({ place, claim }) => `${place}: ${textOf(claim)}`).join(' ');
}
