import { createWeightedAverage } from '../../../detectors/weighted-average.ts';
import { byDetector } from './by-detector.ts';
import type { DynamicMethod } from './method.ts';

/** Of a new measurement. */
const weight = 0.3;

export const movingAverage: DynamicMethod = {
  name: 'moving average',
  about: `the map, with the state of an exponentially weighted average of the measurements, a new one with weight ${weight}`,
  byAgent: true,
  begin: (scene) =>
    byDetector(
      scene,
      createWeightedAverage({ states: scene.map.entries.map(({ state }) => state), weight, riseMargin: 0 }),
    ),
};
