import { asPrinted } from './as-printed.ts';
import { deviceOnly } from './device-only.ts';
import { edgeOnly } from './edge-only.ts';
import type { Method } from './method.ts';
import { partitionOnly } from './partition-only.ts';
import { product, productF32 } from './product.ts';
import { rightSizingOnly } from './right-sizing-only.ts';

/** What this product is compared with; none knows both knobs. */
export const baselines: readonly Method[] = [deviceOnly, edgeOnly, partitionOnly, rightSizingOnly];

/** Every method, in the order in which they are told of. */
export const methods: readonly Method[] = [...baselines, asPrinted, productF32, product];
