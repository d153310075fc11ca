import { median } from '../runtime/statistics.ts';
import type { Breakdown } from './plan.ts';

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
 * INVARIANTS: every factor lies within 1/`maxFactor`..`maxFactor`; single frames move none of them, however far they are
 * off; what is no time tells nothing.
 */
export interface CorrectionTracker {
  /**
   * @param expected by the tables alone, uncorrected
   * @param measured of the same work
   */
  observe(expected: Partial<PartTimes>, measured: Partial<PartTimes>): void;
  factors(): PartTimes;
  /** Parts whose factor has been beyond the threshold for long: the tables are no longer those of this machine. */
  drift(): Partial<Record<keyof Correction, number>>;
  /** The part has other tables, or is another one. */
  reset(part: CorrectedPart): void;
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

  function driftOf(part: keyof Correction): number | undefined {
    const { log, framesBeyond } = tracked[part];
    return framesBeyond >= driftFrames ? Math.exp(log) : undefined;
  }

  return {
    observe(expected, measured) {
      for (const part of parts) {
        const ratio = (measured[part] ?? 0) / (expected[part] ?? 0);
        if (!(ratio > 0 && ratio < Number.POSITIVE_INFINITY)) continue;
        const factor = tracked[part];
        follow(factor, ratio, expected[part] ?? 0);
        factor.framesBeyond = Math.abs(factor.log) > Math.log(driftFactor) ? factor.framesBeyond + 1 : 0;
      }
    },
    factors: () => ({
      device: Math.exp(tracked.device.log),
      worker: Math.exp(tracked.worker.log),
      transfer: Math.exp(tracked.transfer.log),
    }),
    drift() {
      const [device, worker] = [driftOf('device'), driftOf('worker')];
      return { ...(device === undefined ? {} : { device }), ...(worker === undefined ? {} : { worker }) };
    },
    reset(part) {
      tracked[part] = fresh();
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

function follow(factor: Factor, ratio: number, expectedMs: number): void {
  const limit = Math.log(maxFactor);
  factor.recent = [...factor.recent, Math.min(limit, Math.max(-limit, Math.log(ratio)))].slice(-windowSize);
  const weight = (gain * expectedMs) / (expectedMs + noiseMs);
  factor.log += weight * (median(factor.recent) - factor.log);
}

/** What a map was built with. */
export interface MapBasis extends Correction {
  /** Worker's queue, rtt and what frames take besides, ms: what every offloaded frame waits, whatever its plan. */
  delayMs: number;
}

/** Which way each part of a basis has gone: 1 up, −1 down, 0 not so far that another map is worth building. */
export interface Movement extends Record<keyof MapBasis, Way> {
  /** So far that whatever the map says may be wrong by as much. */
  isLarge: boolean;
}
type Way = -1 | 0 | 1;

/** A factor, or the delay as a share of the deadline, that moves by no more than this is still where it was. */
const stillShare = 0.15;
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
    isLarge: farthest >= Math.log(largeFactor) || Math.abs(delay) >= largeDelayShare,
  };
}

function wayOf(moved: number, still: number): Way {
  if (Math.abs(moved) <= still) return 0;
  return moved > 0 ? 1 : -1;
}

/** @returns what a prediction by the tables alone says of the parts that are corrected, ms */
export function partTimes({ device, worker, upload, download }: Breakdown): PartTimes {
  return { device, worker, transfer: upload + download };
}
