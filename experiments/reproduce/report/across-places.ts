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
  if (verdicts.includes('holds')) return 'holds';
  return verdicts.includes('nothing to compare') ? 'nothing to compare' : 'not measured';
}

/** @returns what all say alike, else each text with the places that say it */
function eachOnce(told: readonly Told[], textOf: (claim: Claim) => string): string {
  const texts = [...new Set(told.map(({ claim }) => textOf(claim)))];
  if (texts.length === 1) return texts.join('');
  const placesOf = (text: string): string[] =>
    told.filter(({ claim }) => textOf(claim) === text).map(({ place }) => place);
  return texts.map((text) => `${placesOf(text).join(' and ')}: ${text}`).join(' ');
}
