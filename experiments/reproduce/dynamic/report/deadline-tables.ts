import type { Block } from '../../report/document.ts';
import { fixed, percent } from '../../report/wording.ts';
import type { DynamicCase } from '../data.ts';
import { oracle } from '../methods/oracle.ts';

/** The deadlines to choose from, by what comes of ways that need no planning. */
export function trialTable({ trials }: DynamicCase): Block {
  return {
    kind: 'table',
    head: ['deadline, ms', 'times exit 1’s p99', 'always exit 1, of the oracle', 'always local', 'always edge'],
    numeric: [0, 1, 2, 3, 4],
    rows: trials.map(({ deadlineMs, timesExit1, alwaysExit1, alwaysLocal, alwaysEdge }) => [
      fixed(deadlineMs, 0),
      fixed(timesExit1, 2),
      ...[alwaysExit1, alwaysLocal, alwaysEdge].map(percent),
    ]),
  };
}

/** What methods come to at deadlines that no local exit meets; empty where none was replayed. */
export function shortTable({ short, sets }: DynamicCase): Block[] {
  const [first] = short;
  if (first === undefined) return [];
  const about =
    'Shorter deadlines, which no local exit meets, all traces, objective accuracy; left out where one way that needs no ' +
    'planning comes close to the oracle:';
  const names = first.sets[0]?.methods.map(({ name }) => name).filter((name) => name !== oracle.name) ?? [];
  return [
    { kind: 'paragraph', text: `${about} ${sets.map(({ name, traces }) => `${name} ${traces}`).join(', ')}.` },
    {
      kind: 'table',
      head: ['deadline, ms', 'times exit 1’s p99', 'a frame every, ms', 'traces', 'the oracle meets', ...names],
      numeric: [0, 1, 2, 4, ...names.map((_, i) => i + 5)],
      rows: short.flatMap(({ deadlineMs, timesExit1, periodMs, sets: of }) =>
        of.map(({ name, methods }) => {
          const best = methods.find((method) => method.name === oracle.name);
          const share = (wanted: string): string =>
            percent(
              (methods.find((method) => method.name === wanted)?.accuracyIfMet ?? 0) / (best?.accuracyIfMet ?? 1),
            );
          const met = percent((best?.met ?? 0) / (best?.frames ?? 1));
          return [fixed(deadlineMs, 0), fixed(timesExit1, 2), String(periodMs), name, met, ...names.map(share)];
        }),
      ),
    },
  ];
}
