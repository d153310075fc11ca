/**
 * What is known of one direction of the link, from the device's own transfers.
 * A transfer's own time is what is left of its round trip after the worker's part and the rtt of a message
 * of no size: it counts all that delays a tensor on its way, as the prediction must.
 * INVARIANT: the estimate lies between `minMbps` and `maxMbps`, whatever is observed; fewer than `leastBytes` or a
 * time that is no number tell nothing.
 */
export interface BandwidthEstimate {
  /** Mbit/s; undefined before the first sample. */
  mbps(): number | undefined;
  rttMs(): number;
  /** How the rate has moved of late: ln(what a transfer told / what was believed before it), ascending. */
  moves(): readonly number[];
  /** Milliseconds since the last sample; infinite before the first. */
  ageMs(nowMs: number): number;
  /**
   * @param transferMs round trip less the worker's part, of a message of `bytes`
   * @returns what this transfer alone says, Mbit/s; undefined where it tells nothing
   */
  observe(bytes: number, transferMs: number, nowMs: number, circumstances?: TransferCircumstances): number | undefined;
  /**
   * A reply that did not come in `waitedMs`: the link is at most that fast, or it was not the link. Never raises the
   * estimate; a whole reply that fits what was believed before better than this takes it back.
   * @returns how fast it is at most, Mbit/s; undefined where that tells nothing new
   */
  observeMissing(bytes: number, waitedMs: number, nowMs: number): number | undefined;
  /** Whether what a missing reply told is believed for now, and no whole reply has borne it out or taken it back. */
  isDoubted(): boolean;
  /** Round trip of a message so small that its size does not count, less the worker's part. */
  observeRtt(roundTripMs: number): void;
}

/** What else a transfer's time may be owed to than to the link. Absent: nothing. */
export interface TransferCircumstances {
  /** Bytes of other messages that the link may have carried meanwhile: it was at most as fast as with all of them. */
  othersBytes?: number | undefined;
  /**
   * What of it was on the wire at least whenever more waited to be sent: where that is less than the link carries in one
   * rtt, the sender may have been what was slow, and the sample never lowers the estimate.
   */
  keptBytes?: number | undefined;
}

/** Weight of what is new; the estimate averages time per bit, so that slow transfers count as they hurt. */
const gain = 0.5;
/** One transfer that a busy processor delayed says nothing of the link: the median of the last few is what counts. */
const windowSize = 3;
/** The rtt follows a lower sample at once and rises slowly: delays add, they never subtract. */
const rttRise = 0.1;
/** Faster than this cannot be told from the noise of the clocks. */
const maxMbps = 1000;
/** Transfers that tell how much the rate moves. */
const recentMoves = 32;
/** A message of hardly more than its headers tells of delays, not of the rate. */
const leastBytes = 256;
/** A stall is no rate: one endless transfer must not outweigh all that come after it. */
const minMbps = 0.01;

export function createBandwidthEstimate(): BandwidthEstimate {
  let msPerMegabit: number | undefined;
  let recent: number[] = [];
  let rtt = 1;
  let rttKnown = false;
  let lastSampleMs = Number.NEGATIVE_INFINITY;
  /** In order of time. */
  let moves: number[] = [];
  /** What was believed before replies were missing, and what the last one told; ms a megabit. */
  let doubt: { before: number; missing: number } | undefined;

  function addMove(sample: number): void {
    if (msPerMegabit !== undefined) moves = [...moves, Math.log(msPerMegabit / sample)].slice(-recentMoves);
  }

  function settleDoubt(sample: number): void {
    // Twice and half are as far: on the scale of logarithms.
    if (doubt !== undefined && sample ** 2 < doubt.before * doubt.missing) msPerMegabit = doubt.before;
    doubt = undefined;
  }

  function mix(sample: number, nowMs: number): void {
    // With few samples there is no history worth keeping: a first transfer that was held up must not stay in the mean.
    const isFirst = recent.length < windowSize;
    recent = [...recent, sample].slice(-windowSize);
    approach(lowerMedian(recent), nowMs, isFirst ? 1 : gain);
  }

  function approach(target: number, nowMs: number, weight = gain): void {
    msPerMegabit = msPerMegabit === undefined ? target : msPerMegabit + weight * (target - msPerMegabit);
    lastSampleMs = nowMs;
  }

  /** Milliseconds a megabit of a message that took this long beyond the rtt; undefined where nothing is told. */
  function slowness(bytes: number, durationMs: number): number | undefined {
    const sample = (durationMs - rtt) / ((bytes * 8) / 1e6);
    if (!(bytes >= leastBytes) || !Number.isFinite(sample)) return undefined;
    return Math.min(1000 / minMbps, Math.max(1000 / maxMbps, sample));
  }

  return {
    mbps: () => (msPerMegabit === undefined ? undefined : 1000 / msPerMegabit),
    rttMs: () => rtt,
    moves: () => moves.toSorted((a, b) => a - b),
    ageMs: (nowMs) => nowMs - lastSampleMs,
    observe(bytes, transferMs, nowMs, circumstances = {}) {
      const atMost = slowness(bytes, transferMs);
      if (atMost === undefined) return 1000 / (msPerMegabit ?? 1000 / maxMbps);
      const sample =
        msPerMegabit === undefined ? atMost : nearest(msPerMegabit, atMost, { bytes, rtt, ...circumstances });
      if (sample === undefined) return undefined;
      addMove(sample);
      settleDoubt(sample);
      mix(sample, nowMs);
      return 1000 / sample;
    },
    observeMissing(bytes, waitedMs, nowMs) {
      const atLeast = slowness(bytes, waitedMs);
      if (atLeast === undefined || waitedMs <= rtt) return undefined;
      if (msPerMegabit !== undefined && atLeast <= msPerMegabit) return undefined;
      addMove(atLeast);
      if (msPerMegabit !== undefined) doubt = { before: doubt?.before ?? msPerMegabit, missing: atLeast };
      approach(atLeast, nowMs);
      return 1000 / atLeast;
    },
    isDoubted: () => doubt !== undefined,
    observeRtt(roundTripMs) {
      if (!(roundTripMs >= 0 && Number.isFinite(roundTripMs))) return;
      rtt = !rttKnown || roundTripMs < rtt ? roundTripMs : rtt + rttRise * (roundTripMs - rtt);
      rttKnown = true;
    },
  };
}

/**
 * @param atMost how slow the transfer shows the link to be at most, ms a megabit
 * @returns what of all that it may have been is nearest to what is believed; undefined where that is among it
 */
function nearest(
  believed: number,
  atMost: number,
  {
    bytes,
    rtt,
    othersBytes = 0,
    keptBytes = Number.POSITIVE_INFINITY,
  }: TransferCircumstances & { bytes: number; rtt: number },
): number | undefined {
  if (believed >= atMost) return atMost;
  // So little was kept on the wire that at this rate it was empty before the sign for more had come back.
  if (((keptBytes * 8) / 1e6) * atMost <= rtt) return undefined;
  const atLeast = (atMost * bytes) / (bytes + othersBytes);
  return believed < atLeast ? atLeast : undefined;
}

/** @returns the middle value, of two the lower: delays add, they never subtract */
function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
