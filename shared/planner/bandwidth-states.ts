import { type DetectorParameters, defaultDetectorParameters } from '../protocol/detector-settings.ts';
import { FleetError } from '../runtime/errors.ts';
import { percentile } from '../runtime/statistics.ts';
import type { BandwidthTrace } from './bandwidth-trace.ts';
import { createChangePointDetector, requireBandwidth } from './change-points.ts';
import { sampleTrace } from './trace-samples.ts';

/** A range of rates that one plan serves: from `fromMbps` to where the next state's begins, which is no longer in it. */
export interface BandwidthState {
  /** The rate to plan with. May lie below `fromMbps`: a run whose mean is in the range has slower samples too. */
  mbps: number;
  /** 0 of the first. */
  fromMbps: number;
}

/** A part of a trace without a change point. */
export interface BandwidthSegment {
  meanMbps: number;
  /** One a second. */
  samplesMbps: readonly number[];
}

export interface StateOptions {
  /** States that are wanted; there are fewer where rates are alike. */
  count: number;
  /**
   * The rate to plan with is that which this share of a state's samples falls short of; the mean if null. A low one
   * meets more deadlines and plans less accurate exits. 0.25 if absent.
   */
  planningShare?: number | null;
  detector?: Partial<DetectorParameters>;
}

/** Rates are looked at one second at a time. */
const sampleMs = 1000;
export const defaultPlanningShare = 0.25;

/**
 * States from history: change points cut each trace into segments, which become states by their mean, each state with
 * about the same share of all the time there is. States that would not ascend are one.
 * A second without traffic counts as 0 in the mean of its segment; no state has less than the detector's floor.
 * @returns ascending, the first from 0
 * @throws {FleetError} `bandwidth-states-empty` without traces or for a count below 1, `detector-parameters-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 2: the bandwidth states s_i
 */
export function buildBandwidthStates(traces: readonly BandwidthTrace[], options: StateOptions): BandwidthState[] {
  const { count, planningShare = defaultPlanningShare, detector } = options;
  if (traces.length === 0 || !(count >= 1 && count < Infinity)) {
    throw new FleetError('bandwidth-states-empty', `${count} states of ${traces.length} traces`);
  }
  if (planningShare !== null && !(planningShare >= 0 && planningShare <= 1)) {
    throw new FleetError('detector-parameters-invalid', `planningShare ${planningShare} is not in 0..1`);
  }
  const floorMbps = detector?.floorMbps ?? defaultDetectorParameters.floorMbps;
  const rateOf = (samples: readonly number[]): number =>
    Math.max(floorMbps, planningShare === null ? meanOf(samples) : percentile(samples, planningShare));
  const segments = traces.flatMap((trace) => cutAtChangePoints(trace, detector));
  const states: StateInMaking[] = [];
  for (let group of groupByTime(segments, Math.floor(count))) {
    let state = stateAbove(states.at(-1), group, rateOf);
    for (let below = states.pop(); below !== undefined; below = states.pop()) {
      if (isAbove(state, below)) {
        states.push(below);
        break;
      }
      group = [...below.segments, ...group];
      state = stateAbove(states.at(-1), group, rateOf);
    }
    states.push(state);
  }
  return states.map(({ mbps, fromMbps }) => ({ mbps, fromMbps }));
}

interface StateInMaking extends BandwidthState {
  /** Ascending by mean. */
  segments: readonly BandwidthSegment[];
}

/** Begins midway to the state below, but no further below its slowest segment than the margin of a rise makes up for. */
function stateAbove(
  below: StateInMaking | undefined,
  segments: readonly BandwidthSegment[],
  rateOf: (samples: readonly number[]) => number,
): StateInMaking {
  const slowest = segments[0]?.meanMbps ?? 0;
  const midway = Math.sqrt((below?.segments.at(-1)?.meanMbps ?? 0) * slowest);
  const fromMbps = below === undefined ? 0 : Math.max(midway, slowest / (1 + defaultRiseMargin));
  return { mbps: rateOf(segments.flatMap(({ samplesMbps }) => samplesMbps)), fromMbps, segments };
}

function isAbove(state: StateInMaking, below: StateInMaking): boolean {
  const isFaster = (state.segments[0]?.meanMbps ?? 0) > (below.segments.at(-1)?.meanMbps ?? 0);
  return isFaster && state.mbps > below.mbps && state.fromMbps > below.fromMbps;
}

/** Quantiles of the means, weighted by duration. @returns groups that are not empty, each ascending by mean */
function groupByTime(segments: readonly BandwidthSegment[], count: number): BandwidthSegment[][] {
  const seconds = segments.reduce((sum, { samplesMbps }) => sum + samplesMbps.length, 0);
  const groups = new Map<number, BandwidthSegment[]>();
  let before = 0;
  for (const segment of segments.toSorted((a, b) => a.meanMbps - b.meanMbps)) {
    const middle = before + segment.samplesMbps.length / 2;
    const index = Math.floor((count * middle) / seconds);
    groups.set(index, [...(groups.get(index) ?? []), segment]);
    before += segment.samplesMbps.length;
  }
  return [...groups.values()];
}

/** @returns the segments of a trace in order of time: one at least, without gaps between them */
export function cutAtChangePoints(trace: BandwidthTrace, settings?: Partial<DetectorParameters>): BandwidthSegment[] {
  const detector = createChangePointDetector(settings);
  const samples = sampleTrace(trace, sampleMs);
  const begins = [0];
  for (const [index, mbps] of samples.entries()) {
    const { changed, runLength } = detector.observe(mbps);
    const begin = index + 1 - runLength;
    // Whatever began after the run that is current now was a false alarm.
    while ((begins.at(-1) ?? 0) > begin) begins.pop();
    if (changed && begins.at(-1) !== begin) begins.push(begin);
  }
  return begins.map((begin, i) => {
    const samplesMbps = samples.slice(begin, begins[i + 1]);
    return { samplesMbps, meanMbps: meanOf(samplesMbps) };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * @throws {FleetError} `bandwidth-states-empty`; `bandwidth-states-invalid` unless the first begins at 0 and all ascend
 *   strictly in both rates, which are above 0 but for the first begin
 */
export function requireBandwidthStates(states: readonly BandwidthState[]): void {
  requireAny(states);
  states.forEach(({ mbps, fromMbps }, i) => {
    const below = states[i - 1];
    const begins = below === undefined ? fromMbps === 0 : fromMbps > below.fromMbps && fromMbps < Infinity;
    if (begins && mbps > (below?.mbps ?? 0) && mbps < Infinity) return;
    throw new FleetError('bandwidth-states-invalid', `state ${i}: ${mbps} Mbit/s from ${fromMbps} Mbit/s on`);
  });
}

/**
 * @param states as `requireBandwidthStates` wants them
 * @returns index of the state whose range has this rate
 * @throws {FleetError} `bandwidth-states-empty`, `bandwidth-invalid`
 */
export function stateOf(states: readonly BandwidthState[], mbps: number): number {
  requireAny(states);
  requireBandwidth(mbps);
  let low = 0;
  let high = states.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((states[middle]?.fromMbps ?? 0) <= mbps) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Above the begin of a state, from where on it is entered from below. */
export const defaultRiseMargin = 0.25;

/**
 * The state that goes with a rate that moves: a lower state is entered at once, a higher one from the margin on.
 * Planning for more than the link carries costs deadlines, for less only accuracy; and a mean that settles at a border
 * does not go to and fro.
 * @param state where the link was; undefined: nowhere yet
 * @param riseMargin share of the begin of a state, 0 or more
 * @returns index of the state where the link is now
 * @throws {FleetError} `bandwidth-states-empty`, `bandwidth-invalid`
 */
export function followState(
  states: readonly BandwidthState[],
  state: number | undefined,
  mbps: number,
  riseMargin: number,
): number {
  const now = stateOf(states, mbps);
  if (state === undefined || now < state) return now;
  return Math.max(state, stateOf(states, mbps / (1 + riseMargin)));
}

function requireAny(states: readonly BandwidthState[]): void {
  if (states.length === 0) throw new FleetError('bandwidth-states-empty', 'no states');
}
