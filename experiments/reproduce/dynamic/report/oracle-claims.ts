import { fixed, percent } from '../../report/wording.ts';
import type { DeadlineTrial, DynamicCase } from '../data.ts';
import { leavesRoom, plainShare } from '../deadline-search.ts';
import { dynamic } from '../methods/dynamic.ts';
import { oracle } from '../methods/oracle.ts';
import { caseOf, type Found, judged, overSets, type SetMethods, type Told, told } from './found.ts';

const leastOfOracle = 0.95;

const holds =
  'What is missing are the moments after a change, before it is believed, and the margins for the next one; the oracle ' +
  'needs neither.';
const holdsNot =
  'The moments after a change, before it is believed, and the margins for the next one cost more than that here; the oracle ' +
  'needs neither.';

/** INVARIANT: where one side alone comes close to the oracle, coming close as well bears nothing out, and falling short fails. */
export function oracleClaim(cases: readonly DynamicCase[]): Told {
  return told(
    {
      statement:
        `objective accuracy: the mean of accuracy if met, else 0, is at least ${percent(leastOfOracle)} of the oracle’s; there ` +
        `is something to compare where always local and always edge stay below ${percent(plainShare)} of it`,
      paper: 'not part of it',
    },
    overSets(cases, 'accuracy', (methods) => {
      const { measured } = methods;
      const trial = measured.trials.find(({ deadlineMs }) => deadlineMs === measured.deadlineMs);
      const { text, holds: isClose } = shareOfOracle(methods);
      const isOpen = trial !== undefined && leavesRoom(trial);
      const alone =
        trial === undefined
          ? 'what one side alone comes to was not tried'
          : `one side alone ${percent(sideAlone(trial))}`;
      return { text: isOpen ? text : `${text}, ${alone}`, holds: isClose && !isOpen ? null : isClose };
    }),
    {
      holds,
      holdsNot,
      elsewhere: 'At the deadlines of the others one side alone comes close to the oracle: there is little to plan.',
      otherwise: 'At every deadline that was tried one side alone comes close to the oracle: there is little to plan.',
    },
  );
}

function shareOfOracle({ get }: SetMethods): Found {
  const [ours, best] = [get(dynamic), get(oracle)];
  if (ours === undefined || best === undefined) return { text: 'not replayed', holds: false };
  const share = ours.accuracyIfMet / best.accuracyIfMet;
  return { text: percent(share), holds: share >= leastOfOracle };
}

function sideAlone({ alwaysLocal, alwaysEdge }: DeadlineTrial): number {
  return Math.max(alwaysLocal, alwaysEdge);
}

/** One deadline of one case. */
interface Tried {
  measured: DynamicCase;
  trial: DeadlineTrial;
}

/** Over all deadlines of all cases that are there. */
export function strictOracleClaim(cases: readonly DynamicCase[]): Told {
  const tried = cases.flatMap((measured) => measured.trials.map((trial): Tried => ({ measured, trial })));
  const strict = tried.filter(({ trial }) => greatestShare(trial) < plainShare);
  const replayed = strict.filter(({ measured, trial }) => trial.deadlineMs === measured.deadlineMs);
  const parts = replayed.map((each) => {
    const { ours, verdict } = overSets([each.measured], 'accuracy', shareOfOracle);
    return { text: `${placeOf(each)}: ${ours}`, holds: verdict === 'holds' };
  });
  return told(
    {
      statement: `the same at a deadline at which always exit 1 stays below ${percent(plainShare)} of the oracle’s as well`,
      paper: 'not part of it',
    },
    replayed.length > 0 ? judged(parts) : { ours: whyNone(tried, strict), verdict: 'not measured', failed: [] },
    { holds, holdsNot, otherwise: reasonForNone(tried, strict) },
  );
}

/** Of the three ways that need no planning, as a share of the oracle's. */
function greatestShare({ alwaysExit1, alwaysLocal, alwaysEdge }: DeadlineTrial): number {
  return Math.max(alwaysExit1, alwaysLocal, alwaysEdge);
}

function placeOf({ measured, trial: { deadlineMs } }: Tried): string {
  return `${fixed(deadlineMs, 0)} ms, ${caseOf(measured)}`;
}

function whyNone(tried: readonly Tried[], strict: readonly Tried[]): string {
  if (strict.length > 0) return `all three stay below at ${strict.map(placeOf).join('; ')}, where nothing was replayed`;
  const [nearest] = tried.toSorted((a, b) => greatestShare(a.trial) - greatestShare(b.trial));
  if (nearest === undefined) return 'no deadline was tried';
  const { alwaysExit1, alwaysLocal, alwaysEdge } = nearest.trial;
  return (
    `at none of ${tried.length} deadlines that were tried; the nearest is ${placeOf(nearest)}: always exit 1 ` +
    `${percent(alwaysExit1)}, always local ${percent(alwaysLocal)}, always edge ${percent(alwaysEdge)}`
  );
}

function reasonForNone(tried: readonly Tried[], strict: readonly Tried[]): string {
  if (strict.length > 0) return 'Frames are replayed at one deadline of each case, and it is none of these.';
  const least = Math.min(...tried.map(({ trial }) => trial.alwaysExit1));
  if (least < plainShare) {
    return `Always exit 1 comes down to ${percent(least)}, but where it stays below, always local or always edge does not.`;
  }
  return (
    `Exit 1 meets the deadlines that were tried and comes to at least ${percent(least)} of the oracle’s: it is nearly as ` +
    'accurate as the deepest exit, as these models were trained. Shorter deadlines, which no local exit meets, were not tried.'
  );
}
