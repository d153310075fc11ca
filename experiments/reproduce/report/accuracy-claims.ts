import { baselines } from '../methods/methods.ts';
import { product, productF32 } from '../methods/product.ts';
import type { AccuracyCase, Served } from '../served.ts';
import type { Sweep } from '../sweep.ts';
import { type Scores, scoresOf } from './accuracy-scores.ts';
import type { Claim } from './document.ts';
import { reasonFor, type Why } from './reason.ts';
import { emulationOf, fixed } from './wording.ts';

/** Scores this close are equal: they are shown with three digits. */
const tolerance = 5e-4;

const everythingMisses = 'Every method is late at every deadline: that none is more accurate says nothing.';

const whyChosen: Why = {
  holds: 'It chooses among all of their plans, and a shallow exit in time is worth more than a deep one too late.',
  holdsNot:
    'Its plans are chosen by what they are predicted to take and their exits’ accuracy: the plan that was chosen was late ' +
    'more often, or its exit is less accurate, than one of theirs that turned out to be in time.',
  otherwise: everythingMisses,
};
/** @param sendsU8 whether any of its frames did */
function whyServed(sendsU8: boolean): Why {
  return {
    holds:
      'The device chooses among all plans that it is allowed; a reply that is late is replaced by an exit on the device where ' +
      `that is in time.${sendsU8 ? ' With u8 a cut is a quarter as large, so that deep exits can be in time at shorter deadlines.' : ''}`,
    holdsNot:
      'In service the device plans on the bandwidth that it has measured, keeps the margin, and finishes a frame on a ' +
      'shallower exit of its own where a reply is late; what it is compared with has one plan, the same exit for each frame, ' +
      'and was told the rate.',
    otherwise: everythingMisses,
  };
}

/** With what the paper has and with all, chosen from costs and planning by itself in service. */
export function accuracyClaims(measured: AccuracyCase): Claim[] {
  const { sweep } = measured;
  const all = scoresOf(measured);
  const inService = [...new Set(measured.served.map(({ name }) => name))];
  const ours = [productF32.name, product.name, ...inService];
  const others = all.filter(({ name }) => !ours.includes(name));
  const withOneKnob = others.filter(({ name }) => baselines.some((method) => method.name === name));
  const chosen = [productF32.name, product.name].map(
    (name): Claim => ({
      statement: `${name}: at every deadline at least as accurate as each method with one knob`,
      paper: 'Edgent is highest at every deadline, the others negative where they miss it',
      ...compare(sweep, find(all, name), withOneKnob, whyChosen),
    }),
  );
  const served = inService.map((name): Claim => {
    const runs = measured.served.filter((run) => run.name === name);
    const sendsU8 = runs.some(({ frames }) => frames.some(({ encoding }) => encoding === 'u8'));
    return {
      statement: `${name}: at every deadline at least as accurate as every other method`,
      paper: 'not part of it',
      ...compare(sweep, { ...find(all, name), finished: finishedOn(runs) }, others, whyServed(sendsU8)),
    };
  });
  return [...chosen, ...served];
}

/** @returns for a deadline in words where frames were finished, e.g. "1 on exit1 of the device" */
function finishedOn(runs: readonly Served[]): (deadlineMs: number) => string {
  return (deadlineMs) => {
    const frames = runs.filter((run) => run.deadlineMs === deadlineMs).flatMap((run) => run.frames);
    const ends = frames.map(({ exit, finishedOn: side }) => `${exit} of the ${side}`);
    const counts = [...new Set(ends)].map((end) => `${ends.filter((each) => each === end).length} on ${end}`);
    return `, finished ${counts.join(' and ')},`;
  };
}

/** Of the method that a claim is about; `finished` says for a deadline where its frames were. */
type Claimed = Scores & { finished?: (deadlineMs: number) => string };

function find(all: readonly Scores[], name: string): Scores {
  return all.find((scores) => scores.name === name) ?? { name, scores: [] };
}

/** INVARIANT: deadlines that all miss bear nothing out, and are told. */
function compare(
  { points, emulation }: Sweep,
  ours: Claimed,
  others: readonly Scores[],
  why: Why,
): Omit<Claim, 'statement' | 'paper'> {
  const short = shortfalls(points, ours, others);
  const missed = points.filter((_, index) => [ours, ...others].every(({ scores }) => (scores[index]?.mean ?? -1) < 0));
  const isRun = ours.scores.some((score) => score !== null);
  const verdict = !isRun
    ? 'not measured'
    : short.length > 0
      ? 'holds not'
      : missed.length === points.length
        ? 'nothing to compare'
        : 'holds';
  const list = ours.scores.map((score) => (score === null ? '–' : fixed(score.mean, 3))).join(', ');
  const deadlines = missed.map(({ deadlineMs }) => deadlineMs).join(', ');
  const allMiss =
    missed.length === points.length
      ? ['all methods miss all deadlines: nothing to compare']
      : missed.length === 0
        ? []
        : [`all methods miss ${deadlines} ms`];
  return {
    ours: [list, ...short.map((text) => `less at ${text}`), ...allMiss].join('; '),
    verdict,
    reason: reasonFor(verdict, short, why),
    emulation: emulationOf(emulation),
  };
}

/** @returns each deadline at which another method scores more, with these and how many of the frames were late */
function shortfalls(points: Sweep['points'], ours: Claimed, others: readonly Scores[]): string[] {
  return points.flatMap(({ deadlineMs }, index) => {
    const own = ours.scores[index];
    const better = others.filter(({ scores }) => (scores[index]?.mean ?? -1) > (own?.mean ?? -1) + tolerance);
    if (better.length === 0) return [];
    const names = better.map(({ name, scores }) => `${name} (${fixed(scores[index]?.mean ?? -1, 3)})`).join(', ');
    return [
      `${deadlineMs} ms, ${own?.late ?? 0} of ${own?.frames ?? 0} frames late${ours.finished?.(deadlineMs) ?? ','} than ${names}`,
    ];
  });
}
