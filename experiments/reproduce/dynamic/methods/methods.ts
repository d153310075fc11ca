import { alwaysEdge, alwaysExit1, alwaysLocal } from './always.ts';
import { dynamic } from './dynamic.ts';
import { fixedAtStart, fixedForMean } from './fixed.ts';
import type { DynamicMethod } from './method.ts';
import { movingAverage } from './moving-average.ts';
import { nearestState } from './nearest-state.ts';
import { oracle } from './oracle.ts';
import { replanned } from './replanned.ts';

/** What needs neither link nor plan. */
export const plainMethods: readonly DynamicMethod[] = [alwaysExit1, alwaysLocal, alwaysEdge];

/** Every method, in the order in which they are told of. */
export const dynamicMethods: readonly DynamicMethod[] = [
  dynamic,
  fixedAtStart,
  fixedForMean,
  replanned,
  nearestState,
  movingAverage,
  oracle,
  ...plainMethods,
];
