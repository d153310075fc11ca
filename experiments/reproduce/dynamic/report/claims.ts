import type { Claim } from '../../report/document.ts';
import { emulationOf } from '../../report/wording.ts';
import type { DynamicCase, DynamicData } from '../data.ts';
import { fixedAtStart, fixedForMean } from '../methods/fixed.ts';
import { backToBack, productMapping, unsteadyDevice } from '../variants.ts';
import { backToBackClaim, deadlineClaim, realDeadlineClaim, unsteadyClaim } from './deadline-claims.ts';
import { detectorClaim } from './detector-claim.ts';
import { type Told, withVariant } from './found.ts';
import { oracleClaim, strictOracleClaim } from './oracle-claims.ts';
import { realTimeClaim } from './real-time-claim.ts';
import { defaultsClaim, rewardClaim, throughputClaim } from './throughput-claims.ts';

/** @returns the claims, each judged over all cases that have what it asks for */
export function dynamicClaims({ cases }: DynamicData): Claim[] {
  if (cases.length === 0) return [];
  const virtually = (claim: Told, of: readonly DynamicCase[] = cases): Claim => ({
    ...claim,
    emulation: `${emulationsOf(of)}; virtual time from measured costs, a device with the product’s fallback`,
  });
  return [
    virtually(throughputClaim(cases, fixedAtStart, 'chosen at the start of the trace')),
    virtually(throughputClaim(cases, fixedForMean, 'chosen for the trace’s mean, known beforehand')),
    virtually(defaultsClaim(cases), withVariant(cases, productMapping.name)),
    virtually(rewardClaim(cases, 'paper')),
    virtually(rewardClaim(cases, 'accuracy')),
    virtually(deadlineClaim(cases)),
    { ...realDeadlineClaim(cases), emulation: emulationsOf(withSamples(cases)) },
    virtually(unsteadyClaim(cases), withVariant(cases, unsteadyDevice.name)),
    virtually(backToBackClaim(cases), withVariant(cases, backToBack.name)),
    virtually(oracleClaim(cases)),
    virtually(strictOracleClaim(cases)),
    virtually(detectorClaim(cases, 'accuracy')),
    virtually(detectorClaim(cases, 'paper')),
    { ...realTimeClaim(cases), emulation: emulationsOf(withSamples(cases)) },
  ];
}

function withSamples(cases: readonly DynamicCase[]): DynamicCase[] {
  return cases.filter(({ samples }) => samples.length > 0);
}

/** @returns what was emulated at each setting, in words */
function emulationsOf(cases: readonly DynamicCase[]): string {
  const texts = cases.map(({ setting, model, emulation }) => `“${setting}”, ${model}: ${emulationOf(emulation)}`);
  return texts.length === 0 ? 'nothing, for it was not run' : [...new Set(texts)].join(' / ');
}
