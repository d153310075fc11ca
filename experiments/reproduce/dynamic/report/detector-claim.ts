import { fixed } from '../../report/wording.ts';
import type { DynamicCase, MethodSummary } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import { movingAverage } from '../methods/moving-average.ts';
import { nearestState } from '../methods/nearest-state.ts';
import { aheadOfDynamic, overSets, type Told, told } from './found.ts';

export function detectorClaim(measured: DynamicCase): Told {
  return told(
    {
      statement:
        'objective accuracy: neither the nearest state nor a moving average meets more deadlines with fewer plan switches ' +
        'than change points',
      paper: 'Bayesian change points; others are not compared',
    },
    overSets(measured, 'accuracy', ({ get, methods }) => {
      const ours = get(dynamic);
      if (ours === undefined) return { text: 'not replayed', holds: false };
      const others = [nearestState, movingAverage].flatMap((method) => get(method) ?? []);
      const text = [ours, ...others].map(
        ({ name, met, switches, accuracyIfMet }) =>
          `${name} ${met} met, ${switches} switches, accuracy ${fixed(accuracyIfMet, 4)}`,
      );
      const ahead = aheadOfDynamic(methods, 'accuracyIfMet');
      const all = [...text, ...(ahead === '' ? [] : [`more accurate than dynamic: ${ahead}`])];
      return { text: all.join(', '), holds: !others.some((other) => dominates(other, ours)) };
    }),
    {
      holds:
        'Single samples do not move the state: plans are changed when the link has changed, not when a sample is odd. That ' +
        'is judged by deadlines and switches; methods that follow sooner may be more accurate, as told beside it.',
      holdsNot:
        'A method that follows each sample has been at least as steady and as punctual: these traces ask for no more.',
    },
  );
}

/** At least as good in both, better in one. */
function dominates(a: MethodSummary, b: MethodSummary): boolean {
  return a.met >= b.met && a.switches <= b.switches && (a.met > b.met || a.switches < b.switches);
}
