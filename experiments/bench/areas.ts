import { boundArea } from './bound/bound.ts';
import { brokerArea } from './broker.ts';
import { detectorArea } from './detector.ts';
import type { BenchArea } from './figure.ts';
import { loadArea } from './load/load.ts';
import { overheadArea } from './overhead.ts';
import { plannerArea } from './planner.ts';
import { startUpArea } from './start-up.ts';
import { workerArea } from './worker.ts';

/** Every area, in the order in which they are run. */
export const benchAreas: readonly BenchArea[] = [
  overheadArea,
  boundArea,
  brokerArea,
  loadArea,
  startUpArea,
  workerArea,
  plannerArea,
  detectorArea,
];
