import type { Method } from './method.ts';
import { selectStatic } from './select.ts';

/** The paper's two knobs and no more. */
export const productF32: Method = {
  name: 'Edgent, f32',
  about: 'this product with what the paper has: exit and partition, device-first, f32',
  choose: ({ input }) => selectStatic(input, { encodings: ['f32'], directions: ['device-first'] }),
};

export const product: Method = {
  name: 'Edgent, all',
  about: 'this product: exit, partition, either direction, f32, f16 or u8',
  choose: ({ input }) => selectStatic(input, {}),
};
