import { fixed } from '../../report/wording.ts';
import type { DynamicCase, MethodSummary } from '../data.ts';
import { dynamic } from '../methods/dynamic.ts';
import { fixedAtStart } from '../methods/fixed.ts';
import type { DynamicMethod } from '../methods/method.ts';
import type { Objective } from '../score.ts';
import { quantile } from '../summary.ts';
import { productMapping } from '../variants.ts';
import { aheadOfDynamic, type Found, isSamePlan, overSets, overVariant, type Told, told } from './found.ts';

/** The paper's percentile. */
const paperShare = 0.6;
/** Quantiles that are compared: every twentieth but the two ends, which single frames make. */
const compared = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
const samePlan = 'Where dynamic never changed its plan, and that was the static one, there is nothing to compare.';
/** A quantile this close below counts as equal: it is less than a plan differs from the next one by. */
const equalShare = 0.02;

export function throughputClaim(cases: readonly DynamicCase[], other: DynamicMethod, when: string): Told {
  const about = {
    statement: `objective paper: dynamic is at least as good as a static plan ${when} in the distribution of throughput`,
    paper: 'about 27 against 17 frames a second at the 60th percentile (recalled)',
  };
  return told(
    about,
    overSets(cases, 'paper', ({ get }) => compareThroughput(get(dynamic), get(other))),
    {
      holds:
        'Percentiles 5 to 95, 2 % below count as equal. A fixed plan offloads however slow the link is, or never does; the ' +
        'map turns to the device alone when the link slows down.',
      elsewhere: samePlan,
      otherwise: samePlan,
      holdsNot:
        'Percentiles 5 to 95, 2 % below count as equal. While the device computes alone only probes, one in some seconds, ' +
        'tell that the link has become faster, and a change must be confirmed: a plan that stays need not wait for that.',
    },
  );
}

function compareThroughput(ours?: MethodSummary, theirs?: MethodSummary): Found {
  if (ours === undefined || theirs === undefined) return { text: 'not replayed', holds: false };
  const below = compared.filter(
    (share) => quantile(ours.throughput, share) < (1 - equalShare) * quantile(theirs.throughput, share),
  );
  const short =
    below.length === 0 ? '' : `, less at percentiles ${below.map((share) => fixed(100 * share, 0)).join(', ')}`;
  const at = ({ throughput }: MethodSummary): string => fixed(quantile(throughput, paperShare), 1);
  const text = `${at(ours)} against ${at(theirs)} frames a second at the 60th percentile${short}`;
  return isSamePlan(ours, theirs)
    ? { text: `${text}, the same plan`, holds: null }
    : { text, holds: below.length === 0 };
}

export function defaultsClaim(cases: readonly DynamicCase[]): Told {
  return told(
    {
      statement: `the same against a plan chosen at the start, where ${productMapping.name}`,
      paper: 'not part of it',
    },
    overVariant(cases, productMapping, (summary, { get }) => compareThroughput(summary, get(fixedAtStart))),
    {
      holds: 'Also where states are planned for with care the plan follows the link, and that of the start does not.',
      holdsNot:
        'The defaults keep clear of the deadline: a state is planned for at a rate that most of its samples exceed, and a ' +
        'faster one is entered late. Where throughput alone counts that is too careful.',
    },
  );
}

/** With every method that comes to more, beside it. */
export function rewardClaim(cases: readonly DynamicCase[], objective: Objective): Told {
  return told(
    {
      statement: `objective ${objective}: dynamic has at least the mean reward of a static plan chosen at the start of the trace`,
      paper: 'dynamic has the higher rewards',
    },
    overSets(cases, objective, ({ get, methods }) => {
      const [ours, theirs] = [get(dynamic), get(fixedAtStart)];
      if (ours === undefined || theirs === undefined) return { text: 'not replayed', holds: false };
      const ahead = aheadOfDynamic(methods);
      const text =
        `${fixed(ours.meanReward, 5)} against ${fixed(theirs.meanReward, 5)}` +
        (ahead === '' ? ', no method but the oracle is ahead of dynamic' : `, ahead of dynamic: ${ahead}`);
      if (isSamePlan(ours, theirs)) return { text: `${text}, the same plan`, holds: null };
      return { text, holds: ours.meanReward >= theirs.meanReward };
    }),
    {
      holds: 'A plan that was right at the start is late, or needlessly shallow, when the link has changed.',
      elsewhere: samePlan,
      otherwise: samePlan,
      holdsNot:
        'A change is believed only when it is confirmed, and the plan of a state is the best one for the one rate that the ' +
        'state is planned for: what dynamic loses by that is more there than a plan that stays loses, which is right again ' +
        'where the link comes back and is finished on the device where it would be late.',
    },
  );
}
