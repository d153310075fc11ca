import { createRateMeasurement } from '../../../../device-agent/rate-measurement.ts';
import { findEntry } from '../../../../shared/planner/configuration-map.ts';
import { planOfState } from '../../../../shared/planner/plan-now.ts';
import type { BandwidthStateDetector } from '../../../../shared/planner/state-detector.ts';
import { inputNow } from '../rate-planner.ts';
import type { Chooser, Scene } from './method.ts';

/** Algorithm 3 with another detector: the same measurements, one a second, and the same map. */
export function byDetector({ clock, costs, map, input }: Scene, detector: BandwidthStateDetector): Chooser {
  const measurement = createRateMeasurement(clock);
  let state: number | undefined;
  const observe = (mbps: number | undefined): void => {
    if (mbps !== undefined) state = detector.observe(mbps);
  };
  return {
    observe: (sample) => observe(measurement.observe(sample)),
    choose(now) {
      observe(measurement.take(state === undefined));
      const entry = findEntry(map, state ?? 0);
      return costs.of(planOfState(inputNow(input, now), { ...entry, chosen: entry })?.chosen.plan ?? entry.plan);
    },
  };
}
