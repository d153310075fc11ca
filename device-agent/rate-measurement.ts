import type { Clock } from '../shared/runtime/clock.ts';
import type { RateSample } from './link-monitor.ts';

/**
 * B_t from single samples: all that comes within one second is one measurement, the mean rate of what was sent then.
 * INVARIANT: what a missing reply told counts only when the next one is missing too. Alone it is a bound, and may be a
 * busy processor's doing; a detector cannot take back what it was told, as the estimate can. A whole sample says
 * better what the link carries, be it the late reply itself or a probe's, and takes its place, whatever was believed
 * before. The wait is short: the device sends frames or probes on.
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

export function createRateMeasurement(clock: Pick<Clock, 'nowMs'>): RateMeasurement {
  let second: Second | undefined;
  let unconfirmed: RateSample | undefined;
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
      const told = isMissing ? unconfirmed : sample;
      unconfirmed = isMissing ? sample : undefined;
      return told === undefined ? undefined : count(told);
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
