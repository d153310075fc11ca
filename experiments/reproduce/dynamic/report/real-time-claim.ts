import { fixed, percent } from '../../report/wording.ts';
import type { DynamicCase, Sample } from '../data.ts';
import { caseOf, type Found, judged, type Told, told } from './found.ts';

const mostDisagreement = 0.1;
/** Means of accuracies closer than that are shown alike. */
const sameAccuracy = 5e-4;

/** The verdict is on throughput; where the two differ otherwise is told beside it. */
export function realTimeClaim(cases: readonly DynamicCase[]): Told {
  const run = cases.filter(({ samples: all }) => all.length > 0);
  const samples = run.flatMap((measured) => measured.samples.map((sample) => ({ ...sample, place: caseOf(measured) })));
  const errors = samples.map(({ virtual, real }) => Math.abs(virtual.throughput / real.throughput - 1));
  const parts = samples.map(
    ({ trace, place }, index): Found => ({
      text: `${trace}, ${place} (${percent(errors[index] ?? 0)} apart)`,
      holds: (errors[index] ?? 0) <= mostDisagreement,
    }),
  );
  const others = samples.map(otherDifferences).filter((text) => text !== '');
  const ours =
    samples.length === 0
      ? 'no trace was run in real time'
      : `${samples.length} traces at ${run.length} of ${cases.length} cases (${run.map(caseOf).join(' and ')}), ${percent(Math.max(...errors))} apart at most in throughput; ` +
        `apart in what the verdict does not ask: ${others.length === 0 ? 'nothing' : others.join('; ')}`;
  const between =
    'In real time messages, clocks and other work of the machine come in between, and samples of the link are as noisy as ' +
    'they are.';
  const allowance =
    'A real device allows for its slowest run in a hundred as it has seen them, a replayed one for that of its distribution: ' +
    'a plan that takes nearly the whole deadline is made by the one and not by the other.';
  return told(
    {
      statement: `virtual and real time agree within ${percent(mostDisagreement)} in the throughput of every trace of the sample`,
      paper: 'not part of it',
    },
    { ...judged(parts), ours },
    {
      holds:
        'Both run the same frames over the same rates, by what the device was seen to take for each plan before.' +
        (others.length === 0
          ? ''
          : ` Throughput is all that this says: at ${others.length} of ${samples.length} traces deadlines met, fallbacks ` +
            `or accuracy differ, as told beside it. ${between}`),
      holdsNot: `${between} ${allowance}`,
    },
  );
}

/** @returns in what besides throughput real and virtual time differ on a trace; empty: in nothing */
function otherDifferences({ trace, place, real, virtual }: Sample & { place: string }): string {
  const counts = (
    [
      ['met', 'met'],
      ['fellBack', 'fell back'],
    ] as const
  ).flatMap(([part, name]) =>
    real[part] === virtual[part] ? [] : [`${name} ${real[part]} really, ${virtual[part]} virtually`],
  );
  const [ours, theirs] = [real.accuracyIfMet, virtual.accuracyIfMet];
  const accuracy =
    Math.abs(ours - theirs) <= sameAccuracy ? [] : [`accuracy ${fixed(ours, 4)} really, ${fixed(theirs, 4)} virtually`];
  const all = [...counts, ...accuracy];
  return all.length === 0 ? '' : `${trace}, ${place}, of ${real.frames} frames ${all.join(', ')}`;
}
