import type { LinkEstimate } from '../shared/planner/predict.ts';

/**
 * For so long beyond its round trip a link is kept supplied, ms: a sign of the broker that comes later than usual by less
 * leaves no gap. More would only lie in front of the next frame when this one is given up.
 */
const spareMs = 20;
/** Of a link that nothing is known of yet: more than the first probes take. */
const unknownLeadBytes = 16_384;

/** @returns bytes that may be under way to the broker while the next message goes */
export function sendLeadBytes(link: Pick<LinkEstimate, 'uplinkMbps' | 'rttMs'> | undefined): number {
  if (link === undefined) return unknownLeadBytes;
  return Math.ceil((link.uplinkMbps * 1000 * (link.rttMs + spareMs)) / 8);
}
