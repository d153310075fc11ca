import { exits } from './exits.ts';
import type { Experiment } from './experiment.ts';
import { layers } from './layers.ts';
import { motivation } from './motivation.ts';

/** Every experiment, in the order in which they are run and told of. */
export const experiments: readonly Experiment[] = [motivation, layers, exits];
