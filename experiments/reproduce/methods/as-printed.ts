import { planAsPrinted } from '../../../shared/planner/algorithm-1-as-printed.ts';
import type { Method } from './method.ts';
import { wholeBranch } from './select.ts';

export const asPrinted: Method = {
  name: 'as printed',
  about: 'Algorithm 1 to the letter: the worker runs the first layers, single layers are added up, f32',
  choose({ input, printed }) {
    const selection = planAsPrinted(printed);
    if (selection === null) return null;
    const { exit, partition, totalMs } = selection;
    // p is the first layer that the device runs: with p = 1 it runs all, and needs nothing of what is charged for.
    const plan =
      partition === 1
        ? wholeBranch(input, exit)
        : ({ exit, partition: partition - 1, direction: 'edge-first', encoding: 'f32' } as const);
    return { plan, predictedMs: totalMs, accuracy: input.plans.model.exits[exit - 1]?.accuracy ?? 0 };
  },
};
