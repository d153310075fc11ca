import { agreement } from './agreement/agreement.ts';
import { dynamicEnvironment } from './dynamic/dynamic.ts';
import { exits } from './exits.ts';
import type { Experiment } from './experiment.ts';
import { layers } from './layers.ts';
import { motivation } from './motivation.ts';
import { staticAccuracy } from './static-accuracy.ts';
import { staticBandwidth } from './static-bandwidth.ts';
import { staticDeadline } from './static-deadline.ts';

/** Every experiment, in the order in which they are run and told of. */
export const experiments: readonly Experiment[] = [
  motivation,
  layers,
  exits,
  staticBandwidth,
  staticDeadline,
  staticAccuracy,
  dynamicEnvironment,
  agreement,
];
