import type { Method } from './method.ts';
import { selectStatic } from './select.ts';

/** Later than any plan ends, ms: the least T of one exit is the same at every deadline. */
const noDeadlineMs = 600_000;

export const partitionOnly: Method = {
  name: 'partition-only',
  about: 'the deepest exit, cut where it takes least time; device-first, f32',
  choose({ input }) {
    const deepest = input.plans.model.exits.length;
    return selectStatic(
      input,
      { objective: 'latency', deadlineMs: noDeadlineMs, encodings: ['f32'], directions: ['device-first'] },
      ({ exit }) => exit === deepest,
    );
  },
};
