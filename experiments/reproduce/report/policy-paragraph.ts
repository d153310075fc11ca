import { firstPolicy } from '../../../control-plane/fleet/policy.ts';
import { measuringPolicy, patientDeadlineMs } from '../measuring-policy.ts';
import type { Block } from './document.ts';
import { fixed } from './wording.ts';

/** @returns the policy that this product is measured under, and what its default one would change */
export function policyParagraph(): Block {
  const { accuracyTolerance, minimumAccuracy, marginMs, objective, encodings, directions } = measuringPolicy;
  const usual = firstPolicy(patientDeadlineMs);
  const points = (accuracy: number): string => fixed(100 * accuracy, 1);
  return {
    kind: 'paragraph',
    text:
      'The policy under which this product is measured: deadline as each experiment says (a plan that is asked only what it ' +
      `takes has ${patientDeadlineMs / 1000} s), accuracyTolerance ${accuracyTolerance}, minimumAccuracy ${minimumAccuracy}, ` +
      `marginMs ${marginMs}, objective ${objective} (“dynamic” has objective paper too), encodings ${encodings.join(', ')}, ` +
      `directions ${directions.join(', ')}, configurator static (in “dynamic” that too); what is called f32 has that encoding ` +
      `and device-first alone. A new platform’s policy has accuracyTolerance ${usual.accuracyTolerance}, encodings ` +
      `${usual.encodings.join(', ')} and directions ${usual.directions.join(', ')}: with such a tolerance plans whose ` +
      `accuracies lie within ${points(usual.accuracyTolerance)} points count as equal and the fastest of them is chosen, so ` +
      `that frames take no more time and are up to ${points(usual.accuracyTolerance)} points less accurate. It is ` +
      `${accuracyTolerance} here because the experiments compare accuracies: a method that gives some away for time would ` +
      'be found behind those that it could have equalled.',
  };
}
