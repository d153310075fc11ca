import type { Claim } from '../../report/document.ts';
import { reasonFor, type Why } from '../../report/reason.ts';
import { fixed } from '../../report/wording.ts';
import type { DynamicCase, MethodSummary } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import type { DynamicMethod } from '../methods/method.ts';
import { oracle } from '../methods/oracle.ts';
import type { Objective } from '../score.ts';
import type { Variant } from '../variants.ts';

/** A claim without what was emulated, which all of a case share. */
export type Told = Omit<Claim, 'emulation'>;

/** What the methods came to over one set of traces. */
export interface SetMethods {
  set: string;
  methods: readonly MethodSummary[];
  get: (method: DynamicMethod) => MethodSummary | undefined;
}

export interface Found {
  text: string;
  holds: boolean;
}

/** Of all sets; `failed` are the texts of those where it does not hold. */
export interface Judged {
  ours: string;
  verdict: Claim['verdict'];
  failed: readonly string[];
}

/** @returns what was found of each part; holds where it holds for each, and where there is any */
export function judged(parts: readonly Found[]): Judged {
  const texts = (of: readonly Found[]): string[] => of.map(({ text }) => text);
  const failed = texts(parts.filter(({ holds }) => !holds));
  const verdict = failed.length > 0 ? 'holds not' : 'holds';
  return { ours: texts(parts).join('; '), verdict: parts.length === 0 ? 'not measured' : verdict, failed };
}

/** @returns of each set what was found; holds where it holds for each */
export function overSets(
  { sets }: Pick<DynamicCase, 'sets'>,
  objective: Objective,
  judge: (methods: SetMethods) => Found,
): Judged {
  return judged(
    sets.map(({ name, objectives }) => {
      const methods = objectives.find((each) => each.objective === objective)?.methods ?? [];
      const get: SetMethods['get'] = (method) => methods.find((summary) => summary.name === method.name);
      const { text, holds } = judge({ set: name, methods, get });
      return { text: `${name}: ${text}`, holds };
    }),
  );
}

/** @returns of each set what one variant came to; holds where it holds for each */
export function overVariant(
  measured: DynamicCase,
  { name, objective }: Variant,
  judge: (summary: MethodSummary, methods: SetMethods) => Found,
): Judged {
  const of = measured.variants.filter(({ variant }) => variant === name);
  if (of.length === 0) return { ours: 'not replayed', verdict: 'not measured', failed: [] };
  return overSets(measured, objective, (methods) => {
    const summary = of.find((each) => each.set === methods.set)?.summary;
    return summary === undefined ? { text: 'not replayed', holds: false } : judge(summary, methods);
  });
}

/** @returns a claim with the reason that fits its verdict */
export function told(about: Pick<Claim, 'statement' | 'paper'>, { ours, verdict, failed }: Judged, why: Why): Told {
  return { ...about, ours, verdict, reason: reasonFor(verdict, failed, why) };
}

/** @returns in words every method but the oracle that comes to more than dynamic; nothing where none does */
export function aheadOfDynamic(methods: readonly MethodSummary[], part: 'meanReward' | 'accuracyIfMet'): string {
  const ours = methods.find(({ name }) => name === dynamic.name)?.[part] ?? 0;
  const ahead = methods.filter(({ name, ...summary }) => name !== oracle.name && summary[part] > ours);
  return ahead.map((summary) => `${summary.name} ${fixed(summary[part], 4)}`).join(', ');
}
