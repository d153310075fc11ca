import { createNearestState } from '../../../detectors/nearest-state.ts';
import { byDetector } from './by-detector.ts';
import type { DynamicMethod } from './method.ts';

export const nearestState: DynamicMethod = {
  name: 'nearest state',
  about: 'the map, with the state of each single measurement',
  byAgent: true,
  begin: (scene) => byDetector(scene, createNearestState(scene.map.entries.map(({ state }) => state))),
};
