import { detectorArea } from './detector.ts';
import type { BenchArea } from './figure.ts';
import { overheadArea } from './overhead.ts';
import { plannerArea } from './planner.ts';

/** Every area, in the order in which they are run. */
export const benchAreas: readonly BenchArea[] = [overheadArea, plannerArea, detectorArea];
