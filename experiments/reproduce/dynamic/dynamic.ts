import { belgianScale, readTraceSets, type TraceSet } from '../../detectors/trace-sets.ts';
import { type Costs, costsOf } from '../costs.ts';
import { defineExperiment, type ExperimentContext } from '../experiment.ts';
import { factorsOf } from '../factors.ts';
import type { Scale } from '../scale.ts';
import { linkBoundSetting, settings } from '../settings.ts';
import { linkRttMs, type Place } from '../test-bed.ts';
import { type DynamicCase, DynamicDataSchema } from './data.ts';
import { chooseDeadline, exit1P99, periodOf, triedTimes, tryDeadlines } from './deadline-search.ts';
import { deviceVariationOf } from './device-variation.ts';
import { mappings, rateVariation, seed, stateCount } from './place.ts';
import { runSamples } from './real-time.ts';
import { replaySet, replayVariant } from './replay-sets.ts';
import { dynamicBlocks } from './report/blocks.ts';
import { dynamicClaims } from './report/claims.ts';
import { replayShortDeadlines } from './short-deadlines.ts';
import { rounded } from './summary.ts';
import { variants } from './variants.ts';

/** The paper's dynamic environment: plans while the bandwidth moves, along the Belgian logs and the Oboe traces. */
export const dynamicEnvironment = defineExperiment({
  name: 'dynamic',
  schema: DynamicDataSchema,
  async run(context) {
    const sets = readTraceSets(context.dataFolder).map((set) => thinned(set, context.scale.dynamic.everyTrace));
    const cases: DynamicCase[] = [];
    for (const where of context.scale.dynamic.cases) cases.push(await runCase(context, where, sets));
    return {
      belgianScale,
      stateCount,
      mappings: Object.entries(mappings).map(([objective, mapping]) => ({ objective, ...mapping })),
      seed,
      rateVariation,
      cases,
    };
  },
  chapter: (data) => ({
    title: 'Dynamic environment',
    claims: dynamicClaims(data),
    blocks: dynamicBlocks(data),
  }),
});

/** In half a minute of real time there should be enough frames for a mean. */
const longestSamplePeriodMs = 600;

function thinned({ name, traces }: TraceSet, every: number): TraceSet {
  return { name, traces: traces.filter((_, index) => index % every === 0) };
}

async function runCase(
  context: ExperimentContext,
  { setting, model, allowed, withTimeline, withVariants, realTime }: Scale['dynamic']['cases'][number],
  sets: readonly TraceSet[],
): Promise<DynamicCase> {
  const place: Place = { model, factors: await factorsOf(context, setting, model) };
  const costs: Costs = await costsOf(context, place);
  const progress = (text: string): void => context.progress(`${model}, “${setting}”, ${allowed}: ${text}`);
  const deviceVariation = await deviceVariationOf(context, place, costs);
  progress('which deadline');
  const tried = { costs, allowed, sets, deviceVariation };
  const trials = tryDeadlines(tried, triedTimes);
  const exit1P99Ms = exit1P99({ costs, deviceVariation });
  const deadlineMs = chooseDeadline(trials)?.deadlineMs ?? 0;
  const periodMs = periodOf(deadlineMs, exit1P99Ms);
  const played = { costs, allowed, deadlineMs, periodMs, deviceVariation, progress };
  return {
    setting,
    about: [...settings, linkBoundSetting].find(({ name }) => name === setting)?.about ?? '',
    model,
    allowed,
    emulation: { ...place.factors, rttMs: linkRttMs },
    rttMs: costs.at(1, deadlineMs).input.offload?.link.rttMs ?? 0,
    deviceVariation,
    exit1P99Ms: rounded(exit1P99Ms, 2),
    deadlineMs,
    periodMs,
    trials,
    short: replayShortDeadlines(tried, progress),
    sets: sets.map((set) => replaySet(set, { ...played, withTimeline })),
    variants: withVariants ? sets.flatMap((set) => variants.map((variant) => replayVariant(set, played, variant))) : [],
    samples: await runSamples(context, sets, {
      ...played,
      place,
      periodMs: Math.min(periodMs, longestSamplePeriodMs),
      realTime,
    }),
  };
}
