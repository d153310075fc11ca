import { seededRandom } from '../runtime/random.ts';

/** @returns that many values in [-1, 1) */
export function randomValues(length: number, seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}
