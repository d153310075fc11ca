import { planStatic } from '../../shared/planner/algorithm-1.ts';
import type { BandwidthState } from '../../shared/planner/bandwidth-states.ts';
import { type BandwidthTrace, transmissionEndMs } from '../../shared/planner/bandwidth-trace.ts';
import { type Candidate, samePlan } from '../../shared/planner/plan.ts';
import type { BandwidthStateDetector } from '../../shared/planner/state-detector.ts';
import { sampleTrace } from '../../shared/planner/trace-samples.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { deadlineMs, rttMs, scenarioInput } from './scenario.ts';

/** What came of some frames. */
export interface Outcome {
  frames: number;
  met: number;
  /** Sum of the accuracies of the exits of the frames that met their deadline. */
  accuracyIfMet: number;
  /** Frames with another plan than the one before had. */
  switches: number;
}

export const noFrames: Outcome = { frames: 0, met: 0, accuracyIfMet: 0, switches: 0 };

/** A device's seconds: of each the plan in force and one frame over the link as it really is. */
export interface Replay {
  trace: BandwidthTrace;
  /** What the device measures: `factorAt(second)` times the mean rate of that second. */
  factorAt: (second: number) => number;
  /** The plan of each state. */
  plans: readonly Candidate[];
  detector: BandwidthStateDetector;
}

/** One sample a second, and after it one frame. */
const intervalMs = 1000;

/** @returns the plan of Algorithm 1 for each state */
export function planStates(states: readonly BandwidthState[]): Candidate[] {
  return states.map(({ mbps }) => {
    const result = planStatic(scenarioInput(mbps));
    if (result.kind === 'no-plan') throw new FleetError('internal', result.reason);
    return result.chosen;
  });
}

/** Virtual time: the frame of second t + 1 is planned with the samples of the seconds up to t. */
export function replay({ trace, factorAt, plans, detector }: Replay): Outcome {
  const outcome = { ...noFrames };
  let before: Candidate | undefined;
  for (const [second, mbps] of sampleTrace(trace, intervalMs).slice(0, -1).entries()) {
    const candidate = plans[detector.observe(mbps * factorAt(second))];
    if (candidate === undefined) continue;
    outcome.frames += 1;
    if (latencyMs(trace, (second + 1) * intervalMs, candidate) <= deadlineMs) {
      outcome.met += 1;
      outcome.accuracyIfMet += candidate.accuracy;
    }
    if (before !== undefined && !samePlan(before.plan, candidate.plan)) outcome.switches += 1;
    before = candidate;
  }
  return outcome;
}

/** As predicted, but for the upload, which takes what the trace says. */
function latencyMs(trace: BandwidthTrace, startMs: number, { prediction }: Candidate): number {
  const { breakdownMs, totalMs, uploadBytes } = prediction;
  if (uploadBytes === 0) return totalMs;
  const sentMs = startMs + breakdownMs.device + breakdownMs.encode;
  const uploadMs = transmissionEndMs(trace, sentMs, uploadBytes) - sentMs + rttMs / 2;
  return totalMs - breakdownMs.upload + uploadMs;
}

export function addOutcomes(a: Outcome, b: Outcome): Outcome {
  return {
    frames: a.frames + b.frames,
    met: a.met + b.met,
    accuracyIfMet: a.accuracyIfMet + b.accuracyIfMet,
    switches: a.switches + b.switches,
  };
}
