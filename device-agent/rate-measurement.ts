import type { Clock } from '../shared/runtime/clock.ts';
import type { RateSample } from './link-monitor.ts';

/**
 * B_t from single samples: all that comes within one second is one measurement, the mean rate of what was sent then.
 * INVARIANT: of a missing reply that tells of a far slower link than the last whole sample, nothing counts until another
 * one is missing too. Alone it may be a busy processor's doing; it would outweigh its whole second, and a detector cannot
 * take back what it was told, as the estimate can. A whole sample, be it the late reply itself or a probe's, says better
 * what the link carries and takes its place. The wait is short: the device sends frames or probes on.
 * A missing reply that is less far off counts at once: that is how a plan shows which the link is just too slow for.
 */
export interface RateMeasurement {
  /** @returns the measurement that ended before this sample, Mbit/s; undefined where none did */
  observe(sample: RateSample): number | undefined;
  /**
   * @param early whether a second that goes on may be ended
   * @returns the measurement that has ended, Mbit/s; undefined where none has
   */
  take(early: boolean): number | undefined;
}

const measurementMs = 1000;
/**
 * Chosen on the Belgian and Oboe traces, replayed: where all missing replies wait, frames fall back up to 3.8 times as
 * often as where none does; from a factor of 2 on up to 2.5 times; from this one on hardly more often.
 */
const farSlower = 4;

export function createRateMeasurement(clock: Pick<Clock, 'nowMs'>): RateMeasurement {
  let second: Second | undefined;
  let unconfirmed: RateSample | undefined;
  let wholeMbps: number | undefined;
  const numberNow = (): number => Math.floor(clock.nowMs() / measurementMs);

  function take(early: boolean): number | undefined {
    if (second === undefined || (second.number === numberNow() && !early)) return undefined;
    const mbps = second.megabits / second.seconds;
    second = undefined;
    return mbps;
  }

  function count({ mbps, bytes }: RateSample): number | undefined {
    const ended = take(false);
    const megabits = (bytes * 8) / 1e6;
    second ??= { number: numberNow(), megabits: 0, seconds: 0 };
    second.megabits += megabits;
    second.seconds += megabits / mbps;
    return ended;
  }

  return {
    observe(sample) {
      const { mbps, bytes, isMissing } = sample;
      if (!(mbps > 0 && mbps < Number.POSITIVE_INFINITY && bytes > 0)) return undefined;
      if (!isMissing) {
        unconfirmed = undefined;
        wholeMbps = mbps;
        return count(sample);
      }
      if (wholeMbps !== undefined && mbps * farSlower >= wholeMbps) return count(sample);
      const borneOut = unconfirmed;
      unconfirmed = sample;
      return borneOut && count(borneOut);
    },
    take,
  };
}

/** What came in one second, as one transfer: slow samples count by the time that they took. */
interface Second {
  number: number;
  megabits: number;
  seconds: number;
}
