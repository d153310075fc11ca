import { percentile } from '../runtime/statistics.ts';

/**
 * How many times longer than predicted a device computes at its slowest: the 99th percentile of its recent runs. The
 * prediction follows the mean; this is what is left of the deadline for the rest.
 * INVARIANTS: at least 1, which is also what is told before the first run; what is no time tells nothing; what is found to
 * be a segment's own slowness is no spread, also of its earlier runs: the first runs of a segment count when it is known.
 */
export interface DeviceSpread {
  /**
   * @param segment that the device computed
   * @param expectedMs of it, as predicted when it was begun
   * @param measuredMs of the same
   */
  observe(segment: string, expectedMs: number, measuredMs: number): void;
  value(): number;
  /** The device has other tables, or is another one. */
  reset(): void;
}

const kept = 1000;
const share = 0.99;
/** Sorting on every frame would cost more than it tells. */
const refreshEvery = 10;
/** A thread that is woken late is late by this, however little it has to do, ms: a policy's margin is there for that. */
const noiseMs = 0.5;

export interface SegmentKnowledge {
  of(segment: string): number | undefined;
  assumed(): number;
}

interface Run {
  segment: string;
  /** Measured by predicted. */
  ratio: number;
  /** Log of what the segment's tables were taken to be off by. */
  level: number;
}

/**
 * @param known `of`: log of what the tables of a segment are known to be off by, undefined where it was hardly run yet;
 *   `assumed`: what such a segment is taken for
 */
export function createDeviceSpread(known: SegmentKnowledge): DeviceSpread {
  let runs: Run[] = [];
  let observed = 0;
  let spread = 1;

  /** As if the segment had been known then as it is now; what was not held up then was not by what is known now. */
  function ratiosNow(): number[] {
    const levels = new Map([...new Set(runs.map(({ segment }) => segment))].map((name) => [name, known.of(name)]));
    return runs.flatMap(({ segment, ratio, level }) => {
      const now = levels.get(segment);
      return now === undefined ? [] : [ratio * Math.min(1, Math.exp(level - now))];
    });
  }

  return {
    observe(segment, expectedMs, measuredMs) {
      const ratio = Math.max(0, measuredMs - noiseMs) / expectedMs;
      if (!(measuredMs > 0 && ratio >= 0 && ratio < Number.POSITIVE_INFINITY)) return;
      runs.push({ segment, ratio, level: known.of(segment) ?? known.assumed() });
      if (runs.length > kept) runs.shift();
      if (observed < refreshEvery || observed % refreshEvery === 0) {
        const ratios = ratiosNow();
        spread = ratios.length === 0 ? 1 : Math.max(1, percentile(ratios, share));
      }
      observed += 1;
    },
    value: () => spread,
    reset() {
      runs = [];
      observed = 0;
      spread = 1;
    },
  };
}
