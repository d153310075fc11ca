import { median } from '../runtime/statistics.ts';
import type { Breakdown } from './plan.ts';
import type { SegmentFactor } from './prepared-plans.ts';
import { createSegmentLevels } from './segment-levels.ts';

/** What the tables' times are multiplied by, as service has shown. */
export interface Correction {
  device: number;
  worker: number;
}

const parts = ['device', 'worker', 'transfer'] as const;
/** `transfer` is told, and corrects nothing: the estimate of the bandwidth follows the same transfers. */
export type CorrectedPart = (typeof parts)[number];

/** The times of one frame, ms; 0 or no number where a part had none. */
export type PartTimes = Record<CorrectedPart, number>;

/**
 * Slowly moving factors between predicted and measured times.
 * INVARIANTS: every factor of a part lies within 1/`maxFactor`..`maxFactor`; single frames move none of them, however far
 * they are off; what is no time tells nothing.
 */
export interface CorrectionTracker {
  /**
   * @param expected by the tables alone, uncorrected
   * @param measured of the same work
   * @param run which of the device's segments the device's times are of; absent: nothing is known of single ones
   */
  observe(expected: Partial<PartTimes>, measured: Partial<PartTimes>, run?: RunOfSegment): void;
  /** The device's is that of the device as a whole. */
  factors(): PartTimes;
  /** @returns what a segment's times are multiplied by besides the device's factor; 1 where it was hardly run yet */
  segmentFactor(segment: string): number;
  /**
   * @returns log of what the tables of a segment alone are found to be off by, whatever the device is slowed by now;
   *   undefined where it was hardly run yet
   */
  segmentLevel(segment: string): number | undefined;
  /** @returns the mean of those that are known: what another one is taken to be off by */
  meanLevel(): number;
  /** Parts whose factor has been beyond the threshold for long: the tables are no longer those of this machine. */
  drift(): Partial<Record<keyof Correction, number>>;
  /** The part has other tables, or is another one. */
  reset(part: CorrectedPart): void;
}

/** A segment that the device has run. */
export interface RunOfSegment {
  segment: string;
  /** For the sake of its time, between two frames. */
  between?: boolean;
}

export interface CorrectionOptions {
  /** A factor beyond this, up or down, … */
  driftFactor?: number;
  /** … for so many frames in a row asks for new tables. */
  driftFrames?: number;
}

const maxFactor = 16;
/** The median of so many frames is what counts: two of them that were held up are no trend. */
const windowSize = 5;
/** Weight of what is new: after ten frames hardly 6 % of a step are missing. */
const gain = 0.3;
/** The clocks and the event loop are no more exact than this, ms: a time that short tells half as much. */
const noiseMs = 0.1;

/** @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: ES and ED, as they are in service */
export function createCorrectionTracker(options: CorrectionOptions = {}): CorrectionTracker {
  const { driftFactor = 1.5, driftFrames = 50 } = options;
  const tracked: Record<CorrectedPart, Factor> = { device: fresh(), worker: fresh(), transfer: fresh() };
  const segments = createSegmentLevels();
  const logOf = (part: CorrectedPart): number => tracked[part].log + (part === 'device' ? segments.mean() : 0);
  const factorOf = (part: CorrectedPart): number => Math.exp(withinLimit(logOf(part)));

  function follow(part: CorrectedPart, log: number, expectedMs: number, run?: RunOfSegment): void {
    const factor = tracked[part];
    if (run === undefined) {
      moveTowards(factor, log, expectedMs);
      return;
    }
    const { segment, between = false } = run;
    const levelBefore = segments.levelOf(segment);
    const { isOfDevice, movedLog } = segments.observe({ segment, log, deviceLog: factor.log, expectedMs, between });
    if (isOfDevice) moveTowards(factor, log - levelBefore, expectedMs);
    factor.log -= movedLog;
    factor.recent = factor.recent.map((each) => each - movedLog);
  }

  function driftOf(part: keyof Correction): number | undefined {
    return tracked[part].framesBeyond >= driftFrames ? factorOf(part) : undefined;
  }

  return {
    observe(expected, measured, run) {
      for (const part of parts) {
        const expectedMs = expected[part] ?? 0;
        const ratio = (measured[part] ?? 0) / expectedMs;
        if (!(ratio > 0 && ratio < Number.POSITIVE_INFINITY)) continue;
        follow(part, withinLimit(Math.log(ratio)), expectedMs, part === 'device' ? run : undefined);
        const factor = tracked[part];
        factor.framesBeyond = Math.abs(logOf(part)) > Math.log(driftFactor) ? factor.framesBeyond + 1 : 0;
      }
    },
    factors: () => ({ device: factorOf('device'), worker: factorOf('worker'), transfer: factorOf('transfer') }),
    meanLevel: segments.mean,
    segmentLevel: (segment) => (segments.isKnown(segment) ? segments.levelOf(segment) : undefined),
    segmentFactor: (segment) => Math.exp(segments.levelOf(segment) - segments.mean()),
    drift() {
      const [device, worker] = [driftOf('device'), driftOf('worker')];
      return { ...(device === undefined ? {} : { device }), ...(worker === undefined ? {} : { worker }) };
    },
    reset(part) {
      tracked[part] = fresh();
      if (part === 'device') segments.reset();
    },
  };
}

/** On the scale of logarithms, so that twice and half are as far. */
interface Factor {
  log: number;
  /** Logarithms of the last ratios. */
  recent: number[];
  framesBeyond: number;
}

/** As if the tables had been right so far: the first frames of a process are slower than those that follow. */
function fresh(): Factor {
  return { log: 0, recent: Array.from({ length: windowSize - 1 }, () => 0), framesBeyond: 0 };
}

function withinLimit(log: number): number {
  const limit = Math.log(maxFactor);
  return Math.min(limit, Math.max(-limit, log));
}

function moveTowards(factor: Factor, log: number, expectedMs: number): void {
  factor.recent = [...factor.recent, log].slice(-windowSize);
  const weight = (gain * expectedMs) / (expectedMs + noiseMs);
  factor.log += weight * (median(factor.recent) - factor.log);
}

/** What a map was built with. */
export interface MapBasis extends Correction {
  /** Worker's queue, rtt and what frames take besides, ms: what every offloaded frame waits, whatever its plan. */
  delayMs: number;
  /** What single segments are off by besides. */
  segments: readonly SegmentFactor[];
}

/** Which way each part of a basis has gone: 1 up, −1 down, 0 not so far that another map is worth building. */
export interface Movement extends Record<keyof MapBasis, Way> {
  /** 1 where any has gone so far, up or down: as their way has no direction, that it lasts is what counts. */
  segments: 0 | 1;
  /** So far that whatever the map says may be wrong by as much. */
  isLarge: boolean;
}
type Way = -1 | 0 | 1;

/** A factor, or the delay as a share of the deadline, that moves by no more than this is still where it was. */
const stillShare = 0.15;
/** A segment that takes a smaller share of the deadline may be off by any factor. */
const shortShare = 0.01;
/** A factor that has moved by this, or … */
const largeFactor = 2;
/** … a delay by this share of the deadline, has moved far. */
const largeDelayShare = 0.5;

/** @returns how what a map was built with has moved since */
export function movementOf(before: MapBasis, now: MapBasis, deadlineMs: number): Movement {
  const device = Math.log(now.device / before.device);
  const worker = Math.log(now.worker / before.worker);
  const delay = (now.delayMs - before.delayMs) / deadlineMs;
  const stillLog = Math.log(1 + stillShare);
  const farthest = Math.max(Math.abs(device), Math.abs(worker));
  return {
    device: wayOf(device, stillLog),
    worker: wayOf(worker, stillLog),
    delayMs: wayOf(delay, stillShare),
    segments: haveMoved(before.segments, now, deadlineMs) ? 1 : 0,
    isLarge: farthest >= Math.log(largeFactor) || Math.abs(delay) >= largeDelayShare,
  };
}

/** @param before what was known of the segments; of those that are in neither list nothing is */
function haveMoved(before: readonly SegmentFactor[], { device, segments }: MapBasis, deadlineMs: number): boolean {
  if (before === segments) return false;
  const known = new Map(before.map((each) => [placeOf(each), each]));
  const isFar = ({ factor, tableMs }: SegmentFactor, other = 1): boolean =>
    Math.abs(Math.log(factor / other)) > Math.log(1 + stillShare) &&
    Math.max(factor, other) * tableMs * device > shortShare * deadlineMs;
  const isFarNow = segments.some((each) => {
    const place = placeOf(each);
    const other = known.get(place)?.factor;
    known.delete(place);
    return isFar(each, other);
  });
  return isFarNow || [...known.values()].some((each) => isFar(each));
}

function placeOf({ exit, partition, direction }: SegmentFactor): string {
  return `${exit} ${partition} ${direction}`;
}

function wayOf(moved: number, still: number): Way {
  if (Math.abs(moved) <= still) return 0;
  return moved > 0 ? 1 : -1;
}

/** @returns what a prediction by the tables alone says of the parts that are corrected, ms */
export function partTimes({ device, worker, upload, download }: Breakdown): PartTimes {
  return { device, worker, transfer: upload + download };
}
