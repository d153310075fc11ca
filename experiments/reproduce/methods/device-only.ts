import type { Method } from './method.ts';
import { selectFixed, wholeBranch } from './select.ts';

export const deviceOnly: Method = {
  name: 'device-only',
  about: 'the deepest exit, all of it on the device',
  choose: ({ input }) => selectFixed(input, wholeBranch(input, input.plans.model.exits.length)),
};
