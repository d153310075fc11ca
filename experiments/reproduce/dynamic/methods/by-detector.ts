import { createRateMeasurement } from '../../../../device-agent/rate-measurement.ts';
import { findEntry } from '../../../../shared/planner/configuration-map.ts';
import type { BandwidthStateDetector } from '../../../../shared/planner/state-detector.ts';
import type { Chooser, Scene } from './method.ts';

/** Algorithm 3 with another detector: the same measurements, one a second, and the same map. */
export function byDetector({ clock, costs, map }: Scene, detector: BandwidthStateDetector): Chooser {
  const measurement = createRateMeasurement(clock);
  let state: number | undefined;
  const observe = (mbps: number | undefined): void => {
    if (mbps !== undefined) state = detector.observe(mbps);
  };
  return {
    observe: (sample) => observe(measurement.observe(sample)),
    choose() {
      observe(measurement.take(state === undefined));
      return costs.of(findEntry(map, state ?? 0).plan);
    },
  };
}
