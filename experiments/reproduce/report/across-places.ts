import type { Claim } from './document.ts';
import { comparedAt, verdictOver } from './verdict.ts';

/** What one place says of some statements. */
export interface PlaceClaims {
  /** As a reader is told it, e.g. "paper, branchy-alexnet-32". */
  place: string;
  claims: readonly Claim[];
}

/**
 * Makes one claim of each statement that is judged at several places: it says at how many there was something to compare,
 * and of each place what came out; “holds” alone is said where it holds at each.
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
  const verdicts = told.map(({ claim }) => claim.verdict);
  const each = told.map(({ place, claim: { ours, verdict } }) => `${place}: ${verdict} (${ours})`);
  return [
    {
      ...first.claim,
      ours: [...(told.length === 1 ? [] : [comparedAt(verdicts, 'places')]), ...each].join('; '),
      verdict: verdictOver(verdicts),
      reason: eachOnce(told, ({ reason }) => reason).join(' '),
      emulation: eachOnce(told, ({ emulation }) => emulation).join(' / '),
    },
  ];
}

/** @returns what all say alike, else each text with the places that say it */
function eachOnce(told: readonly Told[], textOf: (claim: Claim) => string): string[] {
  const texts = [...new Set(told.map(({ claim }) => textOf(claim)))];
  if (texts.length === 1) return texts;
  const placesOf = (text: string): string[] =>
    told.filter(({ claim }) => textOf(claim) === text).map(({ place }) => place);
  return texts.map((text) => `${placesOf(text).join(' and ')}: ${text}`);
}
