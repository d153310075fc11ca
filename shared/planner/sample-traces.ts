import { type BandwidthTrace, longestGapMs } from './bandwidth-trace.ts';

/** One measured rate. */
export interface TimedSample {
  /** Ms since any moment. */
  atMs: number;
  mbps: number;
}

/** How long the last sample of a trace stands for. */
const lastSampleMs = 1000;

/**
 * Makes traces of the samples of one device: each sample holds until the next one, and a gap of more than 5 s begins
 * another trace.
 * @param samples in any order
 * @returns in order of time; empty without samples
 */
export function tracesOfSamples(name: string, samples: readonly TimedSample[]): BandwidthTrace[] {
  const runs: TimedSample[][] = [];
  for (const sample of samples.toSorted((a, b) => a.atMs - b.atMs)) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run === undefined || last === undefined || sample.atMs - last.atMs > longestGapMs) runs.push([sample]);
    else run.push(sample);
  }
  return runs.map((run, index) => traceOf(`${name}#${index}`, run));
}

function traceOf(name: string, run: readonly TimedSample[]): BandwidthTrace {
  const origin = run[0]?.atMs ?? 0;
  return {
    name,
    steps: run.map(({ atMs, mbps }) => ({ startMs: atMs - origin, mbps })),
    durationMs: (run.at(-1)?.atMs ?? origin) - origin + lastSampleMs,
  };
}
