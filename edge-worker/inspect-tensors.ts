import type { Tensor } from '../shared/model/tensor.ts';

/**
 * Infinities may be what an encoding made of large values; what is no number at all was none before either, and a
 * network answers it with a label all the same.
 * @returns whether an element is NaN
 */
export function holdsNaN(tensors: readonly Tensor[]): boolean {
  return tensors.some(({ data }) => {
    for (let i = 0; i < data.length; i += 1) if (Number.isNaN(data[i])) return true;
    return false;
  });
}
