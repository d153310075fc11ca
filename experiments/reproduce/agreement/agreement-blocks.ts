import { median } from '../../../shared/runtime/statistics.ts';
import type { Block, Claim } from '../report/document.ts';
import { reasonFor, type Why } from '../report/reason.ts';
import { emulationOf, fixed, percent } from '../report/wording.ts';
import { type Case, perturbation } from './cases.ts';
import { bars, type GroupVerdict, judge, type Way } from './verdict.ts';

/** @param cases at least one */
export function agreementClaims(cases: readonly Case[]): Claim[] {
  const alone = cases.filter(({ emulation }) => emulation.device === 1);
  return [
    claimOf(cases, 'profiles', {
      statement: `at every processor and link the median error of predictions from measured profiles is at most ${percent(bars.profiles)}`,
      why: {
        holds:
          'Segments are profiled whole, as they are run, and a transfer takes its bytes by the rate, and the round trip.',
        holdsNot:
          'What frames took there is not what the segments took when they were profiled, or a transfer not what its bytes and the rate say.',
      },
    }),
    claimOf(cases, 'regressions', {
      statement: `at every processor and link the median error of predictions from regressions alone is at most ${percent(bars.regressions)}`,
      why: {
        holds:
          'The regressions were fitted to a calibration model measured on this machine; no time of the model that they ' +
          'predict is known to them, but its layers are of the same kinds.',
        holdsNot: 'Caches and vector units make layers faster or slower than their sizes say.',
      },
    }),
    ...(alone.length === 0
      ? []
      : [
          claimOf(alone, 'profiles', {
            statement: 'the same holds by itself where nothing is emulated, with measured profiles',
            why: {
              holds: 'What a frame of a few milliseconds costs besides layers and bytes is measured and predicted too.',
              holdsNot:
                'Frames of a few milliseconds: what a frame costs besides layers and bytes is the greatest part of them here.',
            },
          }),
        ]),
    perturbedClaim(cases),
  ];
}

function claimOf(cases: readonly Case[], way: Way, { statement, why }: { statement: string; why: Why }): Claim {
  const { groups, holds, leastPredictedMs } = judge(cases, way);
  const failed = groups.filter((group) => !group.holds).map(placeOf);
  const verdict = holds ? 'holds' : 'holds not';
  return {
    statement,
    paper: 'gives no figure',
    ours:
      `${percent(Math.max(...groups.map(({ medianError }) => medianError)))} at most; least prediction ${fixed(leastPredictedMs, 1)} ms` +
      (failed.length === 0 ? '' : `; not at ${failed.join(', ')}`),
    verdict,
    reason: reasonFor(verdict, failed, why),
    emulation: emulationsOf(cases),
  };
}

/** A bar that nothing fails tells nothing: also where a wrong profile is found nearer than the right one is told. */
function perturbedClaim(cases: readonly Case[]): Claim {
  const { groups, holds } = judge(cases, 'perturbed');
  const right = judge(cases, 'profiles').groups;
  const failed = groups.filter((group) => !group.holds);
  const nearer = groups.flatMap((group, index) => {
    const { medianError = 0 } = right[index] ?? {};
    if (group.medianError >= medianError) return [];
    return [`${placeOf(group)} (${percent(group.medianError)} against ${percent(medianError)})`];
  });
  const verdict = holds ? 'holds not' : 'holds';
  const count = `beyond it at ${failed.length} of ${groups.length} processors and links`;
  return {
    statement: `profiles that say ${perturbation} times the time do not hold that bar`,
    paper: 'gives no figure',
    ours:
      [count, ...failed.map(withError)].join(', ') +
      (nearer.length === 0
        ? '; nowhere nearer than the right ones'
        : `; nearer than the right ones at ${nearer.length}: ${nearer.join(', ')}`),
    verdict,
    reason: reasonFor(verdict, groups.map(withError), {
      holds:
        'Where the link takes most of the time a wrong profile shows little; where the device does, it shows whole.' +
        (nearer.length === 0
          ? ''
          : ' Where it lies nearer frames took longer than the right profiles say: a bar on how far predictions are off cannot tell the two apart there.'),
      holdsNot:
        'The link takes most of the time everywhere here: the bar cannot be failed by a wrong profile, and tells little.',
    }),
    emulation: emulationsOf(cases),
  };
}

function withError(group: GroupVerdict): string {
  return `${placeOf(group)} (${percent(group.medianError)})`;
}

function emulationsOf(cases: readonly Case[]): string {
  return [...new Set(cases.map(({ emulation }) => emulationOf(emulation)))].join(' / ');
}

function placeOf({ factor, mbps }: GroupVerdict): string {
  return `×${factor} and ${mbps} Mbit/s`;
}

/** @param cases at least one */
export function agreementBlocks(cases: readonly Case[]): Block[] {
  return [introduction(cases), errorTable(cases), ...cases.map(pictureOf)];
}

function introduction(cases: readonly Case[]): Block {
  const points = cases.reduce((sum, { rows }) => sum + rows.length, 0);
  const frames = cases.map(({ mbps, frames: count }) => `${count} at ${mbps} Mbit/s`);
  return {
    kind: 'paragraph',
    text:
      `${cases[0]?.model}: ${points} points, every one an exit and a partition, device-first, at a processor and a link. Cuts ` +
      'travel in u8, a quarter of the bytes of f32: what is predicted is bytes by rate in either. Medians of so many frames: ' +
      `${[...new Set(frames)].join(', ')}; whole branches on the device send nothing and are measured once a processor. ` +
      'Predicted on the rate that the link has and the round trip of a small message, “profiles”: from times measured ' +
      'on this machine before; “regressions”: from regressions fitted to the calibration model alone; ' +
      `“profiles × ${perturbation}”: from wrong ones, to see whether the bar can be failed. “in service”: what the device ` +
      'itself predicted meanwhile, on the link that it had measured and with its corrections.',
  };
}

function errorTable(cases: readonly Case[]): Block {
  const ways = ['profiles', 'regressions', 'perturbed'] as const;
  const judged = ways.map((way) => judge(cases, way).groups);
  const head = [
    ...['device', 'Mbit/s', 'points'],
    ...[`profiles (≤ ${percent(bars.profiles)})`, `regressions (≤ ${percent(bars.regressions)})`].flatMap(twoColumns),
    ...[`profiles × ${perturbation}`, 'in service'],
  ];
  return {
    kind: 'table',
    head,
    numeric: head.map((_, column) => column),
    rows: cases.map(({ emulation, mbps, rows }, index) => [
      ...[`× ${emulation.device}`, String(mbps), String(rows.length)],
      ...judged.slice(0, 2).flatMap((groups) => errorCells(groups[index])),
      percent(judged[2]?.[index]?.medianError ?? 0),
      percent(median(rows.map(({ inServiceMs, measuredMs }) => Math.abs(inServiceMs / measuredMs - 1)))),
    ]),
  };
}

function twoColumns(way: string): string[] {
  return [`${way}: median`, 'p90'];
}

function errorCells(group: GroupVerdict | undefined): string[] {
  if (group === undefined) return ['', ''];
  return [`${percent(group.medianError)}${group.holds ? '' : ', beyond'}`, percent(group.p90Error)];
}

function pictureOf({ emulation, mbps, model, rows }: Case): Block {
  const sorted = rows.toSorted((a, b) => a.measuredMs - b.measuredMs);
  const series = (name: string, of: (row: Case['rows'][number]) => number) => ({
    name,
    points: sorted.map((row, index) => [index + 1, of(row)] as const),
  });
  return {
    kind: 'picture',
    name: `agreement-${emulation.device}-${String(mbps).replace('.', '_')}`,
    alt: `Predicted and measured times of every exit and partition, device ${emulation.device} times slower, ${mbps} Mbit/s`,
    picture: {
      kind: 'lines',
      chart: {
        title: 'Predicted and measured',
        subtitle: `${model}, device × ${emulation.device}, ${mbps} Mbit/s`,
        x: { label: 'exits and partitions, the fastest first' },
        y: { label: 'latency in ms', min: 0 },
        series: [
          series('measured', ({ measuredMs }) => measuredMs),
          series('from profiles', ({ predictedMs }) => predictedMs.profiles),
          { ...series('from regressions', ({ predictedMs }) => predictedMs.regressions), dashed: true },
        ],
      },
    },
  };
}
