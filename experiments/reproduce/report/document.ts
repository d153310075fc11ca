import type { Picture } from './picture.ts';

/** One statement of the paper, set beside what was found here. */
export interface Claim {
  statement: string;
  paper: string;
  ours: string;
  /**
   * `nothing to compare`: measured, but what came out, such as every method too late, says neither; `holds where compared`:
   * that, or nothing measured, is so at some places, and it holds at the others.
   */
  verdict: 'holds' | 'holds where compared' | 'holds not' | 'nothing to compare' | 'not measured';
  /** The physical reason. */
  reason: string;
  /** What was emulated, and how. */
  emulation: string;
}

/** A piece of a report. INVARIANT: every number in it was made from data files, by code. */
export type Block =
  | { kind: 'heading'; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'table'; head: readonly string[]; numeric: readonly number[]; rows: readonly (readonly string[])[] }
  /** `name` is the file's, without its ending. */
  | { kind: 'picture'; name: string; alt: string; picture: Picture };

/** What one experiment has to say. */
export interface Chapter {
  title: string;
  claims: readonly Claim[];
  blocks: readonly Block[];
}

/** A whole report. */
export interface ReportDocument {
  title: string;
  introduction: readonly Block[];
  chapters: readonly Chapter[];
}

const verdicts =
  'Most claims are judged at several places, each a model in a setting, or a set of traces replayed there, and the table says ' +
  'what came out at each. “holds”: at every place. “holds where compared”: wherever there was something to compare, which was ' +
  'not so at all of them; how many they are stands first. “holds not”: at one place at least it fails; which, and why, is told ' +
  'in its chapter. “nothing to compare”: measured, but what came out, such as every method too late, says neither.';

/** @returns blocks of a document in reading order, the claims of each chapter as a table and their reasons as text */
export function blocksOf({ introduction, chapters }: ReportDocument): Block[] {
  const claims = chapters.flatMap((chapter) => chapter.claims);
  return [
    ...introduction,
    { kind: 'heading', text: 'What holds' },
    { kind: 'paragraph', text: verdicts },
    claimTable(claims),
    ...chapters.flatMap((chapter): Block[] => [
      { kind: 'heading', text: chapter.title },
      ...chapter.blocks,
      ...chapter.claims.map(claimText),
    ]),
  ];
}

function claimTable(claims: readonly Claim[]): Block {
  return {
    kind: 'table',
    head: ['claim', 'paper', 'here', 'verdict'],
    numeric: [],
    rows: claims.map(({ statement, paper, ours, verdict }) => [statement, paper, ours, verdict]),
  };
}

function claimText({ statement, verdict, reason, emulation }: Claim): Block {
  return { kind: 'paragraph', text: `“${statement}”: ${verdict}. ${reason} Emulated: ${emulation}.` };
}
