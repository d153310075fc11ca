import type { Policy } from '../protocol/messages.ts';
import type { PlanningInput } from './predict.ts';

/** What a map is planned with where nobody has measured it yet; a device that measures otherwise builds its own. */
export interface Assumptions {
  policy: Policy;
  /** How many times slower the device is made to run; 1 is not emulated. */
  processorFactor: number;
  /** Round trip of an empty message, ms. */
  rttMs?: number;
}

/** Of a broker and a worker in the next building. */
export const defaultRttMs = 5;

/** Of this code on a current server core, nanoseconds an element. */
export const assumedCodecNs = { f32: 0.3, f16: 5, u8: 7 };

/** Of this code's JPEG and WebP on a server core, an image of 128 × 128 pixels, ms. */
export const assumedImageCodecMs = { jpeg: { encodeMs: 0.7, decodeMs: 0.8 }, webp: { encodeMs: 2.1, decodeMs: 1.5 } };

/**
 * An idle worker, as much bandwidth down as up, and codecs as fast as on a server: no processor factor slows those,
 * for they are not emulated.
 */
export function assumedConditions({
  policy,
  processorFactor,
  rttMs = defaultRttMs,
}: Assumptions): Omit<PlanningInput, 'plans' | 'allow'> {
  // Algorithm 2 puts each state's rate in; only the ratio of the two counts.
  const link = { uplinkMbps: 1, downlinkMbps: 1, rttMs };
  const codecs = { encodeNs: assumedCodecNs, decodeNs: assumedCodecNs, imageCodecMs: assumedImageCodecMs };
  return { policy, processorFactor, offload: { queueMs: 0, link }, ...codecs };
}
