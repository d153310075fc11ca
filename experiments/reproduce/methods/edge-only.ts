import type { Method } from './method.ts';
import { selectFixed } from './select.ts';

export const edgeOnly: Method = {
  name: 'edge-only',
  about: 'the deepest exit, all of it on the worker: the input is sent in f32',
  choose({ input }) {
    const exit = input.plans.model.exits.length;
    return selectFixed(input, { exit, partition: 0, direction: 'device-first', encoding: 'f32' });
  },
};
