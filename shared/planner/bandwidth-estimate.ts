/**
 * What is known of the link, from the device's own transfers.
 * A transfer's own time is what is left of its round trip after the worker's part and the rtt of a message
 * of no size: it counts all that delays a tensor on its way, as the prediction must.
 */
export interface BandwidthEstimate {
  /** Mbit/s; undefined before the first sample. */
  uplinkMbps(): number | undefined;
  rttMs(): number;
  /** Milliseconds since the last sample; infinite before the first. */
  ageMs(nowMs: number): number;
  /** @param transferMs round trip less the worker's part, of a message of `bytes` */
  observe(bytes: number, transferMs: number, nowMs: number): number;
  /** A reply that did not come in `waitedMs`: the link is at most that fast; never raises the estimate. */
  observeMissing(bytes: number, waitedMs: number, nowMs: number): void;
  /** Round trip of a message so small that its size does not count, less the worker's part. */
  observeRtt(roundTripMs: number): void;
}

/** Weight of a new sample; the estimate averages time per bit, so that slow samples count as they hurt. */
const gain = 0.4;
/** The rtt follows a lower sample at once and rises slowly: delays add, they never subtract. */
const rttRise = 0.1;
/** Faster than this cannot be told from the noise of the clocks. */
const maxMbps = 1000;

export function createBandwidthEstimate(): BandwidthEstimate {
  let msPerMegabit: number | undefined;
  let rtt = 1;
  let rttKnown = false;
  let lastSampleMs = Number.NEGATIVE_INFINITY;

  function mix(sample: number): void {
    msPerMegabit = msPerMegabit === undefined ? sample : msPerMegabit + gain * (sample - msPerMegabit);
  }

  return {
    uplinkMbps: () => (msPerMegabit === undefined ? undefined : 1000 / msPerMegabit),
    rttMs: () => rtt,
    ageMs: (nowMs) => nowMs - lastSampleMs,
    observe(bytes, transferMs, nowMs) {
      const megabits = (bytes * 8) / 1e6;
      const sample = Math.max(1000 / maxMbps, (transferMs - rtt) / megabits);
      mix(sample);
      lastSampleMs = nowMs;
      return 1000 / sample;
    },
    observeMissing(bytes, waitedMs, nowMs) {
      const atLeast = waitedMs / ((bytes * 8) / 1e6);
      if (msPerMegabit !== undefined && atLeast <= msPerMegabit) return;
      mix(atLeast);
      lastSampleMs = nowMs;
    },
    observeRtt(roundTripMs) {
      rtt = !rttKnown || roundTripMs < rtt ? roundTripMs : rtt + rttRise * (roundTripMs - rtt);
      rttKnown = true;
    },
  };
}
