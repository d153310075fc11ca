import { fixed, percent } from '../../report/wording.ts';
import type { DeadlineTrial, DynamicCase, MethodSummary } from '../data.ts';
import { leavesRoom, plainShare } from '../deadline-search.ts';
import { dynamic } from '../methods/dynamic.ts';
import type { DynamicMethod } from '../methods/method.ts';
import { plainMethods } from '../methods/methods.ts';
import { oracle } from '../methods/oracle.ts';
import { caseOf, type Found, type Judged, judged, overSets, type Told, told } from './found.ts';

const leastOfOracle = 0.95;
/** A deadline that the oracle itself hardly ever meets leaves nothing to plan. */
const leastMet = 0.01;

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
      const { text, holds: isClose } = shareOfOracle(methods.methods);
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

function shareOfOracle(methods: readonly MethodSummary[]): { text: string; holds: boolean } {
  const share = shareOf(methods, dynamic);
  if (share === undefined) return { text: 'not replayed', holds: false };
  return { text: percent(share), holds: share >= leastOfOracle };
}

/** @returns the share of the oracle's accuracy that a method comes to; undefined where one of the two was not replayed */
function shareOf(methods: readonly MethodSummary[], { name }: DynamicMethod): number | undefined {
  const of = (wanted: string): number | undefined => methods.find((each) => each.name === wanted)?.accuracyIfMet;
  const [ours, best] = [of(name), of(oracle.name)];
  return ours === undefined || best === undefined ? undefined : ours / best;
}

function sideAlone({ alwaysLocal, alwaysEdge }: DeadlineTrial): number {
  return Math.max(alwaysLocal, alwaysEdge);
}

/** What methods came to over one set of traces at one deadline of a case. */
interface AtDeadline {
  measured: DynamicCase;
  deadlineMs: number;
  set: string;
  methods: readonly MethodSummary[];
}

/** Over all sets at all deadlines that were replayed, the shorter ones included. */
export function strictOracleClaim(cases: readonly DynamicCase[]): Told {
  const replayed = cases.flatMap(replayedAt);
  const strict = replayed.filter((at) => oracleMeets(at) >= leastMet && greatestShare(at) < plainShare);
  const parts = strict.map((at): Found => {
    const { text, holds: isClose } = shareOfOracle(at.methods);
    return { text: `${placeOf(at)}: ${text}`, holds: isClose };
  });
  return told(
    {
      statement:
        `the same wherever always exit 1 stays below ${percent(plainShare)} of the oracle’s as well: at deadlines that no local ` +
        `exit meets, and the oracle for ${percent(leastMet)} of the frames at least`,
      paper: 'not part of it',
    },
    parts.length > 0 ? overall(parts) : { ours: whyNone(replayed), verdict: 'not measured', failed: [] },
    {
      holds:
        'Nothing saves a frame that the link does not carry in time, so that plans go by their chance, not by a cautious rate.',
      holdsNot:
        'Exits that are cut alike share one transfer, and the one to be run behind it is chosen before; the oracle knows what ' +
        'the link leaves for it. Where frames come rarely, the last one tells little of what the link carries now.',
      otherwise: 'At every deadline that was replayed one way that needs no planning comes close to the oracle.',
    },
  );
}

function overall(parts: readonly Found[]): Judged {
  const { ours, ...rest } = judged(parts);
  const held = parts.filter(({ holds: isClose }) => isClose).length;
  return { ...rest, ours: `holds at ${held} of ${parts.length}: ${ours}` };
}

function replayedAt(measured: DynamicCase): AtDeadline[] {
  const { deadlineMs, sets, short } = measured;
  const main = sets.map(({ name, objectives }) => ({
    measured,
    deadlineMs,
    set: name,
    methods: objectives.find(({ objective }) => objective === 'accuracy')?.methods ?? [],
  }));
  const shorter = short.flatMap((at) =>
    at.sets.map(({ name, methods }) => ({ measured, deadlineMs: at.deadlineMs, set: name, methods })),
  );
  return [...shorter, ...main];
}

/** @returns of the three ways that need no planning the greatest share of the oracle's; 1 where one was not replayed */
function greatestShare({ methods }: AtDeadline): number {
  return Math.max(...plainMethods.map((method) => shareOf(methods, method) ?? 1));
}

function oracleMeets({ methods }: AtDeadline): number {
  const best = methods.find(({ name }) => name === oracle.name);
  return best === undefined ? 0 : best.met / best.frames;
}

function placeOf({ measured, deadlineMs, set }: AtDeadline): string {
  return `${caseOf(measured)}, ${fixed(deadlineMs, 0)} ms, ${set}`;
}

function whyNone(replayed: readonly AtDeadline[]): string {
  const [nearest] = replayed.toSorted((a, b) => greatestShare(a) - greatestShare(b));
  if (nearest === undefined) return 'not replayed';
  const shares = plainMethods.map((method) => `${method.name} ${percent(shareOf(nearest.methods, method) ?? 1)}`);
  return `at none of ${replayed.length} sets and deadlines; the nearest is ${placeOf(nearest)}: ${shares.join(', ')}`;
}
