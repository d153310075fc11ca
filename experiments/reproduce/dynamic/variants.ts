import { type Mapping, mappings } from './place.ts';
import type { Objective } from './score.ts';

/** One thing that the first case rests on, being another. */
export interface Variant {
  readonly name: string;
  readonly objective: Objective;
  readonly deviceVariation?: number;
  readonly periodMs?: number;
  readonly mapping?: Mapping;
}

/** A device without emulation, beside other work. */
export const unsteadyDevice: Variant = {
  name: 'what the device runs varies by 2 %',
  objective: 'accuracy',
  deviceVariation: 0.02,
};

export const backToBack: Variant = {
  name: 'frames come back to back',
  objective: 'accuracy',
  periodMs: 0,
};

export const productMapping: Variant = {
  name: 'states are planned for and entered as the product does by default',
  objective: 'paper',
  mapping: mappings.accuracy,
};

export const variants: readonly Variant[] = [unsteadyDevice, backToBack, productMapping];
