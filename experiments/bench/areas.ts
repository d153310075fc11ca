import type { BenchArea } from './figure.ts';
import { overheadArea } from './overhead.ts';

/** Every area, in the order in which they are run. */
export const benchAreas: readonly BenchArea[] = [overheadArea];
