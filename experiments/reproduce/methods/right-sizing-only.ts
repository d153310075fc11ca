import { samePlan } from '../../../shared/planner/plan.ts';
import type { Method } from './method.ts';
import { selectStatic, wholeBranch } from './select.ts';

export const rightSizingOnly: Method = {
  name: 'right-sizing-only',
  about: 'the deepest exit that the device alone finishes in time, else the fastest',
  choose({ input }) {
    const whole = input.plans.model.exits.map((_, index) => wholeBranch(input, index + 1));
    return selectStatic(input, {}, (plan) => whole.some((each) => samePlan(each, plan)));
  },
};
