import type { FrameBrief } from '../../shared/protocol/frame-briefs.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { Summary } from '../../shared/protocol/telemetry.ts';
import { percentile } from '../../shared/runtime/statistics.ts';

/** @returns the interval's counts, with the configuration version of its last frame */
export function summarise(
  results: readonly FrameResult[],
  interval: Pick<Summary, 'from' | 'to'>,
): Omit<Summary, 'schema' | 'boot' | 'sequence' | 'lateReplies'> {
  const latencies = results.map(({ latencyMs }) => latencyMs);
  const plans = new Map<string, Summary['plans'][number]>();
  for (const { plan } of results) {
    const key = JSON.stringify(plan);
    const known = plans.get(key);
    plans.set(key, { ...plan, frames: (known?.frames ?? 0) + 1 });
  }
  const met = results.filter((result) => result.met).length;
  return {
    ...interval,
    configurationVersion: results.at(-1)?.configurationVersion ?? 0,
    frames: results.length,
    met,
    missed: results.length - met,
    fallbacks: results.filter(({ fallback }) => fallback !== null).length,
    earlyExitsAsked: results.filter(({ earlyExit }) => earlyExit !== undefined).length,
    earlyExitsAnswered: results.filter(({ earlyExit }) => earlyExit?.confident).length,
    uploadBytes: results.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0),
    latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), max: percentile(latencies, 1) },
    plans: [...plans.values()],
  };
}

/** @param atMs when it ended, ms since 1970 */
export function briefOf(result: FrameResult, atMs: number): FrameBrief {
  const { frame, plan, exit, label, latencyMs, met, fallback } = result;
  return { frame, atMs, plan, exit, label, latencyMs: Math.round(100 * latencyMs) / 100, met, fallback };
}
