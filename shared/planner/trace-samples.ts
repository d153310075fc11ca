import type { BandwidthTrace } from './bandwidth-trace.ts';

/**
 * What one sample an interval would have shown: the mean rate of each interval that lies wholly within the trace.
 * A row of the trace that lasts long counts in all the intervals it covers, one without traffic as 0.
 * @returns Mbit/s; of a trace shorter than one interval its mean
 */
export function sampleTrace({ steps, durationMs }: BandwidthTrace, intervalMs: number): number[] {
  const samples: number[] = [];
  let index = 0;
  for (let i = 0; i < Math.max(1, Math.floor(durationMs / intervalMs)); i += 1) {
    const endMs = Math.min((i + 1) * intervalMs, durationMs);
    let nowMs = i * intervalMs;
    const lengthMs = endMs - nowMs;
    let kilobits = 0;
    while (nowMs < endMs) {
      const stepEndMs = steps[index + 1]?.startMs ?? durationMs;
      const untilMs = Math.min(endMs, stepEndMs);
      kilobits += (steps[index]?.mbps ?? 0) * Math.max(0, untilMs - nowMs);
      nowMs = untilMs;
      if (stepEndMs <= endMs && index + 1 < steps.length) index += 1;
    }
    samples.push(kilobits / lengthMs);
  }
  return samples;
}
