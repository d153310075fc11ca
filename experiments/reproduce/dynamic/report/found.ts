import type { Claim } from '../../report/document.ts';
import { reasonFor, type Why } from '../../report/reason.ts';
import { comparedAt, verdictOver } from '../../report/verdict.ts';
import { fixed } from '../../report/wording.ts';
import type { DynamicCase, MethodSummary } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import type { DynamicMethod } from '../methods/method.ts';
import { oracle } from '../methods/oracle.ts';
import type { Objective } from '../score.ts';
import type { Variant } from '../variants.ts';

/** A claim without what was emulated. */
export type Told = Omit<Claim, 'emulation'>;

/** What the methods came to over one set of traces of one case. */
export interface SetMethods {
  measured: DynamicCase;
  set: string;
  methods: readonly MethodSummary[];
  get: (method: DynamicMethod) => MethodSummary | undefined;
}

export interface Found {
  text: string;
  /** Null: there is nothing to compare. */
  holds: boolean | null;
}

/** Of all parts; `failed` are the texts of those where it does not hold. */
export interface Judged {
  ours: string;
  verdict: Claim['verdict'];
  failed: readonly string[];
}

/** @returns what was found of each part; holds where it holds for each, and where there is any */
export function judged(parts: readonly Found[]): Judged {
  return {
    ours: parts.map(({ text }) => text).join('; '),
    verdict: verdictOver(parts.map(verdictOf)),
    failed: parts.flatMap(({ text, holds }) => (holds === false ? [text] : [])),
  };
}

function verdictOf({ holds }: Found): Claim['verdict'] {
  if (holds === null) return 'nothing to compare';
  return holds ? 'holds' : 'holds not';
}

/** @returns of each set of each case what was found; holds where it holds for each */
export function overSets(
  cases: readonly DynamicCase[],
  objective: Objective,
  judge: (methods: SetMethods) => Found,
): Judged {
  const found = cases.map((measured) => ({
    place: caseOf(measured),
    parts: setsOf(measured, objective).map((methods): Found => {
      const { text, holds } = judge(methods);
      return { text: `${methods.set}: ${text}`, holds };
    }),
  }));
  const parts = found.flatMap(({ place, parts: all }) =>
    all.map((part) => ({ ...part, text: `${place}, ${part.text}` })),
  );
  if (parts.length === 0) return { ours: 'not replayed', verdict: 'not measured', failed: [] };
  const each = found.map(({ place, parts: all }) => `${place}: ${judged(all).ours}`);
  const compared = comparedAt(parts.map(verdictOf), 'sets of traces');
  return {
    ...judged(parts),
    ours: `${compared}, holds at ${parts.filter(({ holds }) => holds).length}; ${each.join('. ')}`,
  };
}

function setsOf(measured: DynamicCase, objective: Objective): SetMethods[] {
  return measured.sets.map(({ name, objectives }) => {
    const methods = objectives.find((each) => each.objective === objective)?.methods ?? [];
    return { measured, set: name, methods, get: (method) => methods.find((summary) => summary.name === method.name) };
  });
}

/**
 * Variants are replayed at some of the cases; which ones and why is told.
 * @returns of each set what one variant came to; holds where it holds for each
 */
export function overVariant(
  cases: readonly DynamicCase[],
  { name, objective }: Variant,
  judge: (summary: MethodSummary, methods: SetMethods) => Found,
): Judged {
  const of = withVariant(cases, name);
  const found = overSets(of, objective, (methods) => {
    const { variants } = methods.measured;
    const summary = variants.find(({ variant, set }) => variant === name && set === methods.set)?.summary;
    return summary === undefined ? { text: 'not replayed', holds: false } : judge(summary, methods);
  });
  if (of.length === 0 || of.length === cases.length) return found;
  const alone = `replayed at ${of.length} of ${cases.length} cases alone, for all of them would take too long`;
  return { ...found, ours: `${alone}: ${found.ours}` };
}

/** @returns the cases at which a variant was replayed */
export function withVariant(cases: readonly DynamicCase[], name: string): DynamicCase[] {
  return cases.filter(({ variants }) => variants.some(({ variant }) => variant === name));
}

/** @returns setting, model and allowance of a case, in words */
export function caseOf({ setting, model, allowed }: Pick<DynamicCase, 'setting' | 'model' | 'allowed'>): string {
  return `“${setting}”, ${model}, ${allowed}`;
}

/**
 * @returns whether dynamic has never changed its plan and came to the same as a method that never does: that the one is as
 *   good as the other then says nothing
 */
export function isSamePlan(ours: MethodSummary, theirs: MethodSummary): boolean {
  const all = (summary: MethodSummary): string => JSON.stringify({ ...summary, name: '' });
  return ours.switches === 0 && all(ours) === all(theirs);
}

/** @returns a claim with the reason that fits its verdict */
export function told(about: Pick<Claim, 'statement' | 'paper'>, { ours, verdict, failed }: Judged, why: Why): Told {
  return { ...about, ours, verdict, reason: reasonFor(verdict, failed, why) };
}

/** @returns in words every method but the oracle that comes to more reward than dynamic; nothing where none does */
export function aheadOfDynamic(methods: readonly MethodSummary[]): string {
  const ours = methods.find(({ name }) => name === dynamic.name)?.meanReward ?? 0;
  const ahead = methods.filter(({ name, meanReward }) => name !== oracle.name && meanReward > ours);
  return ahead.map(({ name, meanReward }) => `${name} ${fixed(meanReward, 5)}`).join(', ');
}
