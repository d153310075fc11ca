import { type BandwidthEstimate, createBandwidthEstimate } from '../shared/planner/bandwidth-estimate.ts';
import type { LinkEstimate } from '../shared/planner/predict.ts';
import type { Samples } from '../shared/protocol/telemetry.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { type Arrived, type RoundTrip, uploadMs } from './round-trip.ts';

/**
 * What the device knows of its link and of the worker's queue, and the samples it will report.
 * INVARIANT: what was sent before the last `reset` tells nothing: its answer may have waited behind a link that was gone.
 */
export interface LinkMonitor {
  /** Undefined before the first sample. The downlink counts as fast as the uplink while nobody has seen how fast it is. */
  link(): LinkEstimate | undefined;
  /** Recent wait in the worker's queue, ms; without frames that tell of it, what was known fades. */
  queueMs(): number;
  /** @returns what this transfer alone says of the uplink, Mbit/s; undefined where it tells nothing */
  observe(source: 'passive' | 'probe', roundTrip: RoundTrip): number | undefined;
  /** A message that waited behind others tells nothing of the rtt. */
  observeRtt(roundTrip: Pick<RoundTrip, 'elapsedMs' | 'report' | 'othersBytes'>): void;
  /**
   * No whole reply has come.
   * @param bytes of the request, or what of it and before it can have come through at most
   * @param arrived what has come of the reply: where that is something, the downlink kept it back, not the uplink
   */
  observeMissing(bytes: number, waitedMs: number, arrived: Arrived | undefined): void;
  /** Whether a reply is missing and nothing whole has come since: the link is slow, or silent, or it was not the link. */
  isDoubted(): boolean;
  /** What a frame waited at the worker, or would have waited at least where it was refused. */
  observeQueue(waitedMs: number): void;
  /** Milliseconds since the last sample of the uplink; infinite before the first. */
  ageMs(): number;
  /** Milliseconds since the last sample of the downlink; infinite before the first. */
  downlinkAgeMs(): number;
  /** Forgets everything: another worker, another path. */
  reset(): void;
  /** Takes the samples gathered since the last call. */
  drain(): Samples['samples'];
}

/** Most samples held between two reports; the oldest goes. */
const maxSamples = 200;
/** Weight of a new reply in the queue's running mean. */
const queueGain = 0.3;
/** A long queue keeps frames away, and then nobody would learn that it has gone: half of it is forgotten in this, ms. */
const queueHalfLifeMs = 2000;
/** Of a smaller reply the spread is mostly the noise of clocks and event loops, bytes after the first message. */
const leastSpreadBytes = 4096;
/** A slow downlink keeps large replies away, and then nobody would learn that it has become faster, ms. */
const downlinkTrustedMs = 30_000;

/** What one message told of the uplink. */
export interface RateSample {
  mbps: number;
  bytes: number;
  /** No whole reply came: the link is at most that fast, or it was not the link. */
  isMissing: boolean;
}

/** @param onSample told each sample of the uplink */
export function createLinkMonitor(clock: Clock, onSample: (sample: RateSample) => void = () => undefined): LinkMonitor {
  let uplink = createBandwidthEstimate();
  let downlink = createDownlinkEstimate();
  let samples: Samples['samples'] = [];
  let queue = 0;
  let queueAtMs = 0;
  let resetAtMs = Number.NEGATIVE_INFINITY;
  const wasSentBeforeReset = (elapsedMs: number): boolean => clock.nowMs() - elapsedMs < resetAtMs;
  const queueNow = (): number => queue * 0.5 ** ((clock.nowMs() - queueAtMs) / queueHalfLifeMs);
  const downlinkAgeMs = (): number => downlink.ageMs(clock.nowMs());

  function observeQueue(waitedMs: number): void {
    // What has faded meanwhile is made up for by the news, so that rare frames see the whole queue too.
    const kept = (1 - queueGain) * 0.5 ** ((clock.nowMs() - queueAtMs) / queueHalfLifeMs);
    queue = kept * queue + (1 - kept) * waitedMs;
    queueAtMs = clock.nowMs();
  }

  function observeDownload({ bytesAfterFirst, firstAtMs, lastAtMs }: Arrived): void {
    if (bytesAfterFirst < leastSpreadBytes) return;
    downlink.observe(bytesAfterFirst, lastAtMs - firstAtMs, clock.nowMs());
  }

  return {
    link: () => linkBy(uplink, downlinkAgeMs() <= downlinkTrustedMs ? downlink.mbps() : undefined),
    queueMs: queueNow,
    observeQueue,
    observe(source, roundTrip) {
      const { bytes, report, arrived } = roundTrip;
      if (wasSentBeforeReset(roundTrip.elapsedMs)) return undefined;
      const mbps = uplink.observe(bytes, uploadMs(roundTrip), clock.nowMs(), roundTrip);
      observeDownload(arrived);
      if (source === 'passive') observeQueue(report.queueUs / 1000);
      if (mbps === undefined) return undefined;
      samples.push({ at: clock.wallTime().toISOString(), uplinkMbps: mbps, bytes, source });
      if (samples.length > maxSamples) samples.shift();
      onSample({ mbps, bytes, isMissing: false });
      return mbps;
    },
    observeRtt({ elapsedMs, report, othersBytes = 0 }) {
      if (othersBytes > 0 || wasSentBeforeReset(elapsedMs)) return;
      uplink.observeRtt(Math.max(0, elapsedMs - report.totalUs / 1000));
    },
    observeMissing(bytes, waitedMs, arrived) {
      const nowMs = clock.nowMs();
      if (wasSentBeforeReset(waitedMs)) return;
      if (arrived !== undefined) {
        // Since its first message came, no more has come than all of them together.
        downlink.observeMissing(arrived.bytes, nowMs - arrived.firstAtMs, nowMs);
        return;
      }
      const mbps = uplink.observeMissing(bytes, waitedMs, nowMs);
      if (mbps !== undefined) onSample({ mbps, bytes, isMissing: true });
    },
    isDoubted: () => uplink.isDoubted(),
    ageMs: () => uplink.ageMs(clock.nowMs()),
    downlinkAgeMs,
    reset() {
      uplink = createBandwidthEstimate();
      downlink = createDownlinkEstimate();
      queue = 0;
      resetAtMs = clock.nowMs();
    },
    drain() {
      const taken = samples;
      samples = [];
      return taken;
    },
  };
}

/** @param downlinkMbps undefined where it has not been seen of late */
function linkBy(uplink: BandwidthEstimate, downlinkMbps: number | undefined): LinkEstimate | undefined {
  const uplinkMbps = uplink.mbps();
  if (uplinkMbps === undefined) return undefined;
  const [rttMs, uplinkMoves] = [uplink.rttMs(), uplink.moves()];
  return { uplinkMbps, downlinkMbps: downlinkMbps ?? uplinkMbps, rttMs, uplinkMoves };
}

/** The same way of estimating, fed with spreads, in which no rtt is. */
function createDownlinkEstimate(): BandwidthEstimate {
  const estimate = createBandwidthEstimate();
  estimate.observeRtt(0);
  return estimate;
}
