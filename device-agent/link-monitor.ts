import { type BandwidthEstimate, createBandwidthEstimate } from '../shared/planner/bandwidth-estimate.ts';
import type { LinkEstimate } from '../shared/planner/predict.ts';
import type { Samples } from '../shared/protocol/messages.ts';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import type { Clock } from '../shared/runtime/clock.ts';

/**
 * What the device knows of its link and of the worker's queue, and the samples it will report.
 * INVARIANT: what was sent before the last `reset` tells nothing: its answer may have waited behind a link that was gone.
 */
export interface LinkMonitor {
  /** Undefined before the first sample. */
  link(): LinkEstimate | undefined;
  /** Recent wait in the worker's queue, ms; without frames that tell of it, what was known fades. */
  queueMs(): number;
  /** @returns what this transfer alone says, Mbit/s; undefined where it tells nothing */
  observe(source: 'passive' | 'probe', bytes: number, elapsedMs: number, report: WorkerReport): number | undefined;
  observeRtt(elapsedMs: number, report: WorkerReport): void;
  observeMissing(bytes: number, waitedMs: number): void;
  ageMs(): number;
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

export function createLinkMonitor(clock: Clock): LinkMonitor {
  let estimate: BandwidthEstimate = createBandwidthEstimate();
  let samples: Samples['samples'] = [];
  let queue = 0;
  let queueAtMs = 0;
  let resetAtMs = Number.NEGATIVE_INFINITY;
  const wasSentBeforeReset = (elapsedMs: number): boolean => clock.nowMs() - elapsedMs < resetAtMs;
  const queueNow = (): number => queue * 0.5 ** ((clock.nowMs() - queueAtMs) / queueHalfLifeMs);

  function observeQueue(waitedMs: number): void {
    const known = queueNow();
    queue = known + queueGain * (waitedMs - known);
    queueAtMs = clock.nowMs();
  }

  return {
    link() {
      const uplinkMbps = estimate.uplinkMbps();
      // The reply of an exit is a few dozen bytes: the uplink's rate is as good as any for it.
      return uplinkMbps === undefined ? undefined : { uplinkMbps, downlinkMbps: uplinkMbps, rttMs: estimate.rttMs() };
    },
    queueMs: queueNow,
    observe(source, bytes, elapsedMs, report) {
      if (wasSentBeforeReset(elapsedMs)) return undefined;
      const mbps = estimate.observe(bytes, elapsedMs - report.totalUs / 1000, clock.nowMs());
      if (source === 'passive') observeQueue(report.queueUs / 1000);
      samples.push({ at: clock.wallTime().toISOString(), uplinkMbps: mbps, bytes, source });
      if (samples.length > maxSamples) samples.shift();
      return mbps;
    },
    observeRtt(elapsedMs, report) {
      if (!wasSentBeforeReset(elapsedMs)) estimate.observeRtt(Math.max(0, elapsedMs - report.totalUs / 1000));
    },
    observeMissing(bytes, waitedMs) {
      if (!wasSentBeforeReset(waitedMs)) estimate.observeMissing(bytes, waitedMs, clock.nowMs());
    },
    ageMs: () => estimate.ageMs(clock.nowMs()),
    reset() {
      estimate = createBandwidthEstimate();
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
