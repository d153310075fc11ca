import type { Claim } from '../../report/document.ts';
import { emulationOf } from '../../report/wording.ts';
import type { DynamicData } from '../data.ts';
import { fixedAtStart, fixedForMean } from '../methods/fixed.ts';
import { backToBackClaim, deadlineClaim, realDeadlineClaim, unsteadyClaim } from './deadline-claims.ts';
import { detectorClaim } from './detector-claim.ts';
import type { Told } from './found.ts';
import { oracleClaim, strictOracleClaim } from './oracle-claims.ts';
import { realTimeClaim } from './real-time-claim.ts';
import { defaultsClaim, rewardClaim, throughputClaim } from './throughput-claims.ts';

/** @returns the claims on the first case, and over all of them those that ask for all */
export function dynamicClaims(data: DynamicData): Claim[] {
  const [first] = data.cases;
  if (first === undefined) return [];
  const emulated = emulationOf(first.emulation);
  const virtually = (claim: Told): Claim => ({
    ...claim,
    emulation: `${emulated}; virtual time from measured costs, a device with the product’s fallback`,
  });
  return [
    virtually(throughputClaim(first, fixedAtStart, 'chosen at the start of the trace')),
    virtually(throughputClaim(first, fixedForMean, 'chosen for the trace’s mean, known beforehand')),
    virtually(defaultsClaim(first)),
    virtually(rewardClaim(first)),
    virtually(deadlineClaim(first)),
    { ...realDeadlineClaim(first), emulation: emulated },
    virtually(unsteadyClaim(first)),
    virtually(backToBackClaim(first)),
    virtually(oracleClaim(first)),
    virtually(strictOracleClaim(data)),
    virtually(detectorClaim(first)),
    realTimeClaim(data),
  ];
}
