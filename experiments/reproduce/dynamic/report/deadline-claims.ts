import { measuringPolicy } from '../../measuring-policy.ts';
import { percent } from '../../report/wording.ts';
import type { DynamicCase, Sample } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import { backToBack, unsteadyDevice } from '../variants.ts';
import { type Found, judged, overSets, overVariant, type Told, told } from './found.ts';

const leastMet = 0.999;

/** In virtual time, and beside it what the sample came to in real time. */
export function deadlineClaim(measured: DynamicCase): Told {
  const found = overSets(measured, 'accuracy', ({ get }) => metOf(get(dynamic)));
  const real = realDeadlines(measured.samples);
  return told(
    {
      statement: `objective accuracy, in virtual time: at least ${percent(leastMet)} of deadlines of ${timesOf(measured)} times exit 1’s local p99 are met`,
      paper: 'not part of it',
    },
    { ...found, ours: `${found.ours}; in real time, of the sample: ${real.text}` },
    {
      holds:
        'Where a reply does not come in time, exit 1 is begun on the device while there is still time for it.' +
        (real.isBelow ? ' The sample in real time stays below: this holds in virtual time alone.' : ''),
      holdsNot:
        'Exit 1 is begun on the device where a reply does not come in time, and was not always done in time itself.',
    },
  );
}

/** The same bar for the frames that were really run. */
export function realDeadlineClaim({ samples }: DynamicCase): Told {
  const found = judged(
    samples.length === 0 ? [] : [{ text: realDeadlines(samples).text, holds: !realDeadlines(samples).isBelow }],
  );
  return told(
    { statement: 'the same in real time, over all frames of the sample', paper: 'not part of it' },
    found.verdict === 'not measured' ? { ...found, ours: 'no trace was run in real time' } : found,
    {
      holds: 'Also beside the other processes of the machine exit 1 is begun early enough.',
      holdsNot:
        'The same traces in virtual time miss ' +
        `${samples.reduce((sum, { virtual }) => sum + virtual.frames - virtual.met, 0)} frames: what keeps a real device’s ` +
        'thread, timers and messages waiting is no part of a replay, and a frame that is finished on the device at the last ' +
        `moment has no more than the policy’s margin of ${measuringPolicy.marginMs} ms for it.`,
    },
  );
}

/** @returns the share in words, with the traces at which frames were late, and whether it is below the bar */
function realDeadlines(samples: readonly Sample[]): { text: string; isBelow: boolean } {
  if (samples.length === 0) return { text: 'none was run', isBelow: false };
  const sum = (part: 'met' | 'frames'): number => samples.reduce((total, { real }) => total + real[part], 0);
  const [met, frames] = [sum('met'), sum('frames')];
  const late = samples.filter(({ real }) => real.met < real.frames);
  const where = late.map(({ trace, real }) => `${trace} ${real.met} of ${real.frames}`).join(', ');
  const text = `${met} of ${frames} (${percent(met / frames)})${where === '' ? '' : `, late at ${where}`}`;
  return { text, isBelow: met < leastMet * frames };
}

export function unsteadyClaim(measured: DynamicCase): Told {
  const margin = `the policy’s margin of ${measuringPolicy.marginMs} ms`;
  return told(
    {
      statement: `the same, in virtual time, where ${unsteadyDevice.name}, not by the ${percent(measured.deviceVariation)} that were measured`,
      paper: 'not part of it',
    },
    overVariant(measured, unsteadyDevice, metOf),
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

export function backToBackClaim(measured: DynamicCase): Told {
  return told(
    {
      statement: `the same, in virtual time, where ${backToBack.name}, not one every ${measured.periodMs} ms`,
      paper: 'not part of it',
    },
    overVariant(measured, backToBack, metOf),
    {
      holds:
        'A local exit that lost the race against its reply still occupies the device while the next frame begins: that is ' +
        'planned with, the worker is asked where the device is not free in time.',
      holdsNot:
        'A local exit that lost the race against its reply still occupies the device while the next frame begins. With ' +
        `${timesOf(measured)} times exit 1’s time until the deadline nothing saves such a frame if its own reply is late.`,
    },
  );
}

function metOf(summary: { met: number; frames: number } | undefined): Found {
  if (summary === undefined) return { text: 'not replayed', holds: false };
  const { met, frames } = summary;
  return { text: `${met} of ${frames} (${percent(met / frames)})`, holds: met >= leastMet * frames };
}

function timesOf({ deadlineMs, trials }: DynamicCase): string {
  return String(trials.find((trial) => trial.deadlineMs === deadlineMs)?.timesExit1 ?? '');
}
