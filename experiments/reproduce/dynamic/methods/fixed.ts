import { sampleTrace } from '../../../../shared/planner/trace-samples.ts';
import type { DynamicMethod } from './method.ts';

/** A rate to plan with where nothing was carried, Mbit/s. */
const leastMbps = 0.01;

/** The paper’s static configurator: one plan for the whole trace. Falls back like all others. */
function fixedFor(name: string, about: string, secondsOf: (durationMs: number) => number): DynamicMethod {
  return {
    name,
    about,
    byAgent: true,
    begin({ trace, planAt }) {
      const [mbps = 0] = sampleTrace(trace, secondsOf(trace.durationMs));
      const plan = planAt(Math.max(leastMbps, mbps));
      return { observe: () => undefined, choose: () => plan };
    },
  };
}

const startMs = 10_000;

export const fixedAtStart = fixedFor(
  'static, from the start',
  'the paper’s static configurator: Algorithm 1 once, for the mean of the trace’s first 10 s, and no other plan after it',
  (durationMs) => Math.min(startMs, durationMs),
);

export const fixedForMean = fixedFor(
  'static, for the mean',
  'the same for the mean of the whole trace, which nobody knows beforehand',
  (durationMs) => durationMs,
);
