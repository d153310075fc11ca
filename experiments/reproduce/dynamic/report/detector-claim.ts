import { fixed } from '../../report/wording.ts';
import type { DynamicCase, MethodSummary } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import { movingAverage } from '../methods/moving-average.ts';
import { nearestState } from '../methods/nearest-state.ts';
import type { Objective } from '../score.ts';
import { aheadOfDynamic, overSets, type Told, told } from './found.ts';

const allAlike = 'Where none of them changes a plan, and all meet as many deadlines, there is nothing to compare.';

export function detectorClaim(cases: readonly DynamicCase[], objective: Objective): Told {
  // Under that objective the reward of a frame is its accuracy.
  const reward = objective === 'accuracy' ? 'accuracy' : 'reward';
  return told(
    {
      statement:
        `objective ${objective}: neither the nearest state nor a moving average is better than change points in deadlines met ` +
        'or plan switches without being worse in the other',
      paper: 'Bayesian change points; others are not compared',
    },
    overSets(cases, objective, ({ get, methods }) => {
      const ours = get(dynamic);
      if (ours === undefined) return { text: 'not replayed', holds: false };
      const others = [nearestState, movingAverage].flatMap((method) => get(method) ?? []);
      const text = [ours, ...others].map(
        ({ name, met, switches, meanReward }) =>
          `${name} ${met} met, ${switches} switches, ${reward} ${fixed(meanReward, 5)}`,
      );
      const neverSwitches = [ours, ...others].every(({ switches }) => switches === 0);
      const ahead = aheadOfDynamic(methods);
      const all = [...text, ...(ahead === '' ? [] : [`ahead of dynamic in ${reward}: ${ahead}`])];
      const isAlike = neverSwitches && others.every(({ met }) => met === ours.met);
      return { text: all.join(', '), holds: isAlike ? null : !others.some((other) => dominates(other, ours)) };
    }),
    {
      holds:
        'Single samples do not move the state: plans are changed when the link has changed, not when a sample is odd. That ' +
        `is judged by deadlines and switches; which methods are ahead in ${reward} is told beside it.`,
      holdsNot:
        'There a method that follows each sample is at least as steady and as punctual: those traces ask for no more than it ' +
        'does.',
      elsewhere: allAlike,
      otherwise: allAlike,
    },
  );
}

/** At least as good in both, better in one. */
function dominates(a: MethodSummary, b: MethodSummary): boolean {
  return a.met >= b.met && a.switches <= b.switches && (a.met > b.met || a.switches < b.switches);
}
