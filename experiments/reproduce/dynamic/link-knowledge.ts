import type { RateSample } from '../../../device-agent/link-monitor.ts';
import { createBandwidthEstimate } from '../../../shared/planner/bandwidth-estimate.ts';
import type { LinkSample } from './virtual-frame.ts';

/**
 * What a device knows of its link in virtual time, by the device's own estimate: a sample for every upload that was
 * answered, late answers included; a bound for every one that was not; and the rtt, which it knows.
 */
export interface LinkKnowledge {
  /** Mbit/s; undefined before the first sample. */
  estimateMbps(): number | undefined;
  /** How the rate has moved of late. */
  moves(): readonly number[];
  ageMs(nowMs: number): number;
  /** Whether a missing reply is the newest that it learnt of. */
  isDoubted(): boolean;
  /** @param factor what measuring makes of the rate @returns what detectors are shown; undefined where nothing is told */
  learn(sample: LinkSample, factor: number): RateSample | undefined;
}

export function createLinkKnowledge(rttMs: number): LinkKnowledge {
  const estimate = createBandwidthEstimate();
  estimate.observeRtt(rttMs);
  return {
    estimateMbps: estimate.mbps,
    moves: estimate.moves,
    ageMs: estimate.ageMs,
    isDoubted: estimate.isDoubted,
    learn({ atMs, bytes, transferMs, isMissing }, factor) {
      const seenMs = rttMs + Math.max(0, transferMs - rttMs) / factor;
      const mbps = isMissing ? estimate.observeMissing(bytes, transferMs, atMs) : estimate.observe(bytes, seenMs, atMs);
      return mbps === undefined ? undefined : { mbps, bytes, isMissing };
    },
  };
}
