import type { Claim } from '../../report/document.ts';
import { emulationOf, fixed, percent } from '../../report/wording.ts';
import type { DynamicCase, DynamicData, MethodSummary } from '../data.ts';
import { leavesRoom, plainShare } from '../deadline-search.ts';
import { dynamic } from '../methods/dynamic.ts';
import { fixedAtStart, fixedForMean } from '../methods/fixed.ts';
import type { DynamicMethod } from '../methods/method.ts';
import { movingAverage } from '../methods/moving-average.ts';
import { nearestState } from '../methods/nearest-state.ts';
import { oracle } from '../methods/oracle.ts';
import type { Objective } from '../score.ts';
import { quantile } from '../summary.ts';
import { backToBack, productMapping, unsteadyDevice, type Variant } from '../variants.ts';

type Verdict = Pick<Claim, 'ours' | 'verdict'>;

/** The paper's percentile. */
const told = 0.6;
const leastMet = 0.999;
const leastOfOracle = 0.95;
const mostDisagreement = 0.1;

/** @returns the claims on the first case, and the agreement of virtual and real time over all of them */
export function dynamicClaims(data: DynamicData): Claim[] {
  const [first] = data.cases;
  if (first === undefined) return [];
  const emulation = `${emulationOf(first.emulation)}; virtual time from measured costs, a device with the product’s fallback`;
  const of = (claim: Omit<Claim, 'emulation'>): Claim => ({ ...claim, emulation });
  return [
    of(throughputClaim(first, fixedAtStart, 'chosen at the start of the trace')),
    of(throughputClaim(first, fixedForMean, 'chosen for the trace’s mean, known beforehand')),
    of(defaultsClaim(first)),
    of(rewardClaim(first)),
    of(deadlineClaim(first)),
    of(unsteadyClaim(first)),
    of(backToBackClaim(first)),
    of(oracleClaim(first)),
    of(strictOracleClaim(first)),
    of(detectorClaim(first)),
    agreementClaim(data),
  ];
}

/** What a method came to. */
type Get = (method: DynamicMethod) => MethodSummary | undefined;

/** @returns of each set what was found; holds where it holds for each */
function overSets(
  { sets }: DynamicCase,
  objective: Objective,
  judge: (get: Get, set: string) => { text: string; holds: boolean },
): Verdict {
  const found = sets.map(({ name, objectives }) => {
    const methods = objectives.find((each) => each.objective === objective)?.methods ?? [];
    const { text, holds } = judge((method) => methods.find((summary) => summary.name === method.name), name);
    return { text: `${name}: ${text}`, holds };
  });
  const holds = found.length > 0 && found.every((each) => each.holds);
  return { ours: found.map(({ text }) => text).join('; '), verdict: holds ? 'holds' : 'holds not' };
}

/** Quantiles that are compared: every twentieth but the two ends, which single frames make. */
const compared = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
/** A quantile this close below counts as equal: it is less than a plan differs from the next one by. */
const equalShare = 0.02;

function throughputClaim(measured: DynamicCase, other: DynamicMethod, when: string): Omit<Claim, 'emulation'> {
  return {
    statement: `objective paper: dynamic is at least as good as a static plan ${when} in the distribution of throughput`,
    paper: 'about 27 against 17 frames a second at the 60th percentile (recalled)',
    ...overSets(measured, 'paper', (get) => compareThroughput(get(dynamic), get(other))),
    reason:
      'Percentiles 5 to 95, 2 % below count as equal. A fixed plan offloads however slow the link is, or never does; the map ' +
      'turns to the device alone when the link slows down. While the device computes alone only probes, one in some seconds, ' +
      'tell that the link has become faster, and a change must be confirmed: a plan for a mean that is known beforehand need ' +
      'not wait for that.',
  };
}

function compareThroughput(ours?: MethodSummary, theirs?: MethodSummary): { text: string; holds: boolean } {
  const at = (summary: MethodSummary | undefined, share: number): number => quantile(summary?.throughput ?? [], share);
  const below = compared.filter((share) => at(ours, share) < (1 - equalShare) * at(theirs, share));
  const short =
    below.length === 0 ? '' : `, less at percentiles ${below.map((share) => fixed(100 * share, 0)).join(', ')}`;
  const text = `${fixed(at(ours, told), 1)} against ${fixed(at(theirs, told), 1)} frames a second at the 60th percentile${short}`;
  return { text, holds: below.length === 0 };
}

function defaultsClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  return {
    statement: `the same against a plan chosen at the start, where ${productMapping.name}`,
    paper: 'not part of it',
    ...overVariant(measured, productMapping, (summary, get) => compareThroughput(summary, get(fixedAtStart))),
    reason:
      'The defaults keep clear of the deadline: a state is planned for at a rate that most of its samples exceed, and a faster ' +
      'one is entered late. Where throughput alone counts that is too careful.',
  };
}

function rewardClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  const judged = (['paper', 'accuracy'] as const).map((objective) =>
    overSets(measured, objective, (get) => {
      const [ours, theirs] = [get(dynamic)?.meanReward ?? 0, get(fixedAtStart)?.meanReward ?? 0];
      return { text: `${fixed(ours, 3)} against ${fixed(theirs, 3)}, objective ${objective}`, holds: ours >= theirs };
    }),
  );
  return {
    statement: 'dynamic has at least the mean reward of a static plan chosen at the start of the trace',
    paper: 'dynamic has the higher rewards',
    ours: judged.map(({ ours }) => ours).join('; '),
    verdict: judged.every(({ verdict }) => verdict === 'holds') ? 'holds' : 'holds not',
    reason: 'A plan that was right at the start is late, or needlessly shallow, when the link has changed.',
  };
}

function deadlineClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  return {
    statement: `objective accuracy: at least ${percent(leastMet)} of deadlines of ${timesOf(measured)} times exit 1’s local p99 are met`,
    paper: 'not part of it',
    ...overSets(measured, 'accuracy', (get) => {
      const summary = get(dynamic);
      return summary === undefined ? { text: 'not replayed', holds: false } : metOf(summary);
    }),
    reason: 'Where a reply does not come in time, exit 1 is begun on the device while there is still time for it.',
  };
}

function unsteadyClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  return {
    statement: `the same where ${unsteadyDevice.name}, not by the ${percent(measured.deviceVariation)} that were measured`,
    paper: 'not part of it',
    ...overVariant(measured, unsteadyDevice, metOf),
    reason:
      'A plan must meet the deadline when the device is at its slowest, by the 99th percentile of what it has been seen to take, ' +
      'and by the policy’s margin of 5 ms beyond that.',
  };
}

function backToBackClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  return {
    statement: `the same where ${backToBack.name}, not one every ${measured.periodMs} ms`,
    paper: 'not part of it',
    ...overVariant(measured, backToBack, metOf),
    reason:
      'A local exit that lost the race against its reply still occupies the device while the next frame begins. That is planned ' +
      'with: the worker is asked where the device is not free in time; but with less than twice exit 1’s time until the ' +
      'deadline nothing saves such a frame if its own reply is late.',
  };
}

function metOf({ met, frames }: MethodSummary): { text: string; holds: boolean } {
  return { text: `${met} of ${frames}`, holds: met >= leastMet * frames };
}

/** @returns of each set what one variant came to; holds where it holds for each */
function overVariant(
  measured: DynamicCase,
  { name, objective }: Variant,
  judge: (summary: MethodSummary, get: Get) => { text: string; holds: boolean },
): Verdict {
  const of = measured.variants.filter(({ variant }) => variant === name);
  if (of.length === 0) return { ours: 'not replayed', verdict: 'not measured' };
  return overSets(measured, objective, (get, set) => {
    const summary = of.find((each) => each.set === set)?.summary;
    return summary === undefined ? { text: 'not replayed', holds: false } : judge(summary, get);
  });
}

function oracleClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  const statement =
    `objective accuracy: the mean of accuracy if met, else 0, is at least ${percent(leastOfOracle)} of the oracle’s, at a deadline ` +
    `at which always local and always edge stay below ${percent(plainShare)} of it`;
  const trial = measured.trials.find(({ deadlineMs }) => deadlineMs === measured.deadlineMs);
  const verdict = overSets(measured, 'accuracy', (get) => {
    const share = (get(dynamic)?.accuracyIfMet ?? 0) / (get(oracle)?.accuracyIfMet ?? 1);
    return { text: percent(share), holds: share >= leastOfOracle };
  });
  const isMeasured = trial !== undefined && leavesRoom(trial);
  return {
    statement,
    paper: 'not part of it',
    ...(isMeasured ? verdict : { ours: `no such deadline was found; ${verdict.ours}`, verdict: 'not measured' }),
    reason:
      'What is missing are the moments after a change, before it is believed, and the margins for the next one; the oracle ' +
      'needs neither.',
  };
}

function strictOracleClaim({ trials }: DynamicCase): Omit<Claim, 'emulation'> {
  const least = Math.min(...trials.map(({ alwaysExit1 }) => alwaysExit1));
  return {
    statement: `the same at a deadline at which always exit 1 stays below ${percent(plainShare)} of the oracle’s as well`,
    paper: 'not part of it',
    ours: `there is none: always exit 1 comes to ${percent(least)} at least`,
    verdict: 'not measured',
    reason:
      'Exit 1 meets every deadline that counts here, and the accuracy that the model was trained to at exit 1 is more than ' +
      `${percent(plainShare)} of that of its deepest exit: no planner and no link changes that.`,
  };
}

function detectorClaim(measured: DynamicCase): Omit<Claim, 'emulation'> {
  return {
    statement:
      'objective accuracy: neither the nearest state nor a moving average meets more deadlines with fewer plan switches than ' +
      'change points',
    paper: 'Bayesian change points; others are not compared',
    ...overSets(measured, 'accuracy', (get) => {
      const ours = get(dynamic);
      const others = [nearestState, movingAverage].flatMap((method) => get(method) ?? []);
      const text = [ours, ...others].flatMap((each) =>
        each ? `${each.name} ${each.met} met, ${each.switches} switches` : [],
      );
      const isBetter = (other: MethodSummary): boolean => ours !== undefined && dominates(other, ours);
      return { text: text.join(', '), holds: !others.some(isBetter) };
    }),
    reason:
      'Single samples do not move the state: plans are changed when the link has changed, not when a sample is odd.',
  };
}

function dominates(a: MethodSummary, b: MethodSummary): boolean {
  return a.met >= b.met && a.switches <= b.switches && (a.met > b.met || a.switches < b.switches);
}

function agreementClaim({ cases }: DynamicData): Claim {
  const samples = cases.flatMap(({ samples: all }) => all);
  const errors = samples.map(({ virtual, real }) => virtual.throughput / real.throughput - 1);
  const worst = Math.max(0, ...errors.map(Math.abs));
  const isMeasured = errors.length > 0;
  return {
    statement: `virtual and real time agree within ${percent(mostDisagreement)} in the throughput of every trace of the sample`,
    paper: 'not part of it',
    ours: isMeasured ? `${samples.length} traces, ${percent(worst)} apart at most` : 'no trace was run in real time',
    verdict: isMeasured ? (worst <= mostDisagreement ? 'holds' : 'holds not') : 'not measured',
    reason:
      'Both run the same frames over the same rates; in real time messages, clocks and other work of the machine come in ' +
      'between, and samples of the link are as noisy as they are.',
    emulation: cases
      .filter(({ samples: all }) => all.length > 0)
      .map(({ setting, emulation }) => `“${setting}”: ${emulationOf(emulation)}`)
      .join('; '),
  };
}

function timesOf({ deadlineMs, trials }: DynamicCase): string {
  return String(trials.find((trial) => trial.deadlineMs === deadlineMs)?.timesExit1 ?? '');
}
