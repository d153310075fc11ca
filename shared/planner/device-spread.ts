import { percentile } from '../runtime/statistics.ts';

/**
 * How many times longer than predicted a device computes at its slowest: the 99th percentile of its recent runs. The
 * prediction follows the mean; this is what is left of the deadline for the rest.
 * INVARIANTS: at least 1, which is also what is told before the first run; what is no time tells nothing.
 */
export interface DeviceSpread {
  /**
   * @param expectedMs of what the device computed, as predicted when it was begun
   * @param measuredMs of the same
   */
  observe(expectedMs: number, measuredMs: number): void;
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

export function createDeviceSpread(): DeviceSpread {
  let ratios: number[] = [];
  let observed = 0;
  let spread = 1;
  return {
    observe(expectedMs, measuredMs) {
      const ratio = Math.max(0, measuredMs - noiseMs) / expectedMs;
      if (!(measuredMs > 0 && ratio >= 0 && ratio < Number.POSITIVE_INFINITY)) return;
      ratios.push(ratio);
      if (ratios.length > kept) ratios.shift();
      if (observed < refreshEvery || observed % refreshEvery === 0) spread = Math.max(1, percentile(ratios, share));
      observed += 1;
    },
    value: () => spread,
    reset() {
      ratios = [];
      observed = 0;
      spread = 1;
    },
  };
}
