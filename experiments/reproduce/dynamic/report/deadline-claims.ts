import { measuringPolicy } from '../../measuring-policy.ts';
import { percent } from '../../report/wording.ts';
import type { DynamicCase } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import { rounded } from '../summary.ts';
import { backToBack, unsteadyDevice } from '../variants.ts';
import {
  caseOf,
  type Found,
  type Judged,
  judged,
  overSets,
  overVariant,
  type Told,
  told,
  withVariant,
} from './found.ts';

const leastMet = 0.999;

/** Deadlines that the bar is for, in units of exit 1's local p99. */
const leastTimes = 1.5;

/** In virtual time, and beside it what the sample came to in real time. */
export function deadlineClaim(cases: readonly DynamicCase[]): Told {
  const asked = cases.filter(isAsked);
  const found = overSets(asked, 'accuracy', ({ get }) => metOf(get(dynamic)));
  const real = realDeadlines(asked);
  return told(
    {
      statement: `objective accuracy, in virtual time: at least ${percent(leastMet)} of deadlines of at least ${leastTimes} times exit 1’s local p99 are met`,
      paper: 'not part of it',
    },
    { ...found, ours: `${found.ours}; in real time, of the sample: ${real.ours}${shorterOf(cases)}` },
    {
      holds:
        'Where a reply does not come in time, exit 1 is begun on the device while there is still time for it.' +
        (real.failed.length > 0 ? ' The sample in real time stays below: this holds in virtual time alone.' : ''),
      holdsNot:
        'Exit 1 is begun on the device where a reply does not come in time, and was not always done in time itself.',
    },
  );
}

/** The same bar for the frames that were really run. */
export function realDeadlineClaim(cases: readonly DynamicCase[]): Told {
  const asked = cases.filter(isAsked);
  const found = realDeadlines(asked);
  const late = asked
    .flatMap(({ samples }) => samples)
    .reduce((sum, { virtual }) => sum + virtual.frames - virtual.met, 0);
  return told(
    { statement: 'the same in real time, over all frames of each case’s sample', paper: 'not part of it' },
    { ...found, ours: `${found.ours}${shorterOf(cases)}` },
    {
      holds: 'Also beside the other processes of the machine exit 1 is begun early enough.',
      holdsNot:
        `The same traces in virtual time miss ${late} frames: what keeps a real device’s thread, timers and messages waiting ` +
        'is no part of a replay, and a frame that is finished on the device at the last moment has no more than the policy’s ' +
        `margin of ${measuringPolicy.marginMs} ms for it.`,
    },
  );
}

/** @returns for each case that was run in real time the share of deadlines met, with the traces at which frames were late */
function realDeadlines(cases: readonly DynamicCase[]): Judged {
  const run = cases.filter(({ samples }) => samples.length > 0);
  if (run.length === 0) return { ours: 'no trace was run in real time', verdict: 'not measured', failed: [] };
  const found = judged(run.map(realDeadlinesOf));
  if (run.length === cases.length) return found;
  return {
    ...found,
    ours: `run at ${run.length} of ${cases.length} cases alone, for it takes as long as it shows: ${found.ours}`,
  };
}

function realDeadlinesOf(measured: DynamicCase): Found {
  const { samples } = measured;
  const sum = (part: 'met' | 'frames'): number => samples.reduce((total, { real }) => total + real[part], 0);
  const [met, frames] = [sum('met'), sum('frames')];
  const late = samples.filter(({ real }) => real.met < real.frames);
  const where = late.map(({ trace, real }) => `${trace} ${real.met} of ${real.frames}`).join(', ');
  const text = `${caseOf(measured)}: ${met} of ${frames} (${finePercent(met / frames)})${where === '' ? '' : `, late at ${where}`}`;
  return { text, holds: met >= leastMet * frames };
}

export function unsteadyClaim(cases: readonly DynamicCase[]): Told {
  const measured = eachOnce(withVariant(cases, unsteadyDevice.name), (each) => percent(each.deviceVariation));
  const margin = `the policy’s margin of ${measuringPolicy.marginMs} ms`;
  return told(
    {
      statement: `the same, in virtual time, where ${unsteadyDevice.name}, not by the ${measured} that were measured`,
      paper: 'not part of it',
    },
    overVariant(cases, unsteadyDevice, metOf),
    {
      holds:
        'A plan must meet the deadline when the device is at its slowest, by the 99th percentile of what it has been seen to ' +
        `take, and by ${margin} beyond that.`,
      holdsNot:
        `A plan has room for the 99th percentile of what the device has been seen to take, and for ${margin}: of the runs ` +
        'that are slower than that, one in a hundred or less, those that end a frame are late.',
    },
  );
}

export function backToBackClaim(cases: readonly DynamicCase[]): Told {
  const of = withVariant(cases, backToBack.name);
  return told(
    {
      statement: `the same, in virtual time, where ${backToBack.name}, not one every ${eachOnce(of, ({ periodMs }) => `${periodMs} ms`)}`,
      paper: 'not part of it',
    },
    overVariant(cases, backToBack, metOf),
    {
      holds:
        'A local exit that lost the race against its reply still occupies the device while the next frame begins: that is ' +
        'planned with, the worker is asked where the device is not free in time.',
      holdsNot:
        'A local exit that lost the race against its reply still occupies the device while the next frame begins. With ' +
        `${eachOnce(of, (each) => String(timesOf(each)))} times exit 1’s time until the deadline nothing saves such a frame if its own reply is late.`,
    },
  );
}

function metOf(summary: { met: number; frames: number } | undefined): Found {
  if (summary === undefined) return { text: 'not replayed', holds: false };
  const { met, frames } = summary;
  return { text: `${met} of ${frames} (${finePercent(met / frames)})`, holds: met >= leastMet * frames };
}

/** Whether the deadline is one that the bar is for. */
function isAsked(measured: DynamicCase): boolean {
  return timesOf(measured) >= leastTimes;
}

/** @returns the cases that the bar is not for, in words; empty: there is none */
function shorterOf(cases: readonly DynamicCase[]): string {
  const shorter = cases.filter((measured) => !isAsked(measured));
  const texts = shorter.map((measured) => `${caseOf(measured)} (${timesOf(measured)} times)`);
  return texts.length === 0 ? '' : `; not asked for, the deadline is shorter: ${texts.join(', ')}`;
}

/** @returns how many times exit 1's local p99 the deadline is */
function timesOf({ deadlineMs, exit1P99Ms, trials }: DynamicCase): number {
  const trial = trials.find((each) => each.deadlineMs === deadlineMs);
  return trial?.timesExit1 ?? rounded(deadlineMs / exit1P99Ms, 2);
}

/** @returns what cases say of themselves, each text once */
function eachOnce(cases: readonly DynamicCase[], textOf: (measured: DynamicCase) => string): string {
  return [...new Set(cases.map(textOf))].join(' or ');
}

/** So fine that a share just below the bar is not shown as the bar. */
function finePercent(share: number): string {
  return `${(100 * share).toFixed(3)} %`;
}
