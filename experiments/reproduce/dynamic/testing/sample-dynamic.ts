import type { DynamicCase, DynamicData, MethodSummary, SetResult, Timeline } from '../data.ts';
import { dynamicMethods } from '../methods/methods.ts';
import { variants } from '../variants.ts';

/** @returns data of the experiment with moving bandwidth, made up: the n-th method is a little worse than the one before */
export function sampleDynamic(): DynamicData {
  return {
    belgianScale: 0.09,
    stateCount: 12,
    mappings: [{ objective: 'paper', planningShare: null, riseMargin: 0 }],
    seed: 1,
    rateVariation: 0.1,
    cases: [sampleCase()],
  };
}

function sampleCase(): DynamicCase {
  const run = { frames: 40, met: 40, fellBack: 1, accuracyIfMet: 0.87, throughput: 6.1 };
  return {
    setting: 'link-bound',
    about: 'made up',
    model: 'branchy-alexnet-128',
    allowed: 'all',
    emulation: { device: 200, worker: 1, rttMs: 4 },
    rttMs: 5.5,
    deviceVariation: 0.004,
    exit1P99Ms: 195,
    deadlineMs: 292.5,
    periodMs: 500,
    trials: [
      { deadlineMs: 292.5, timesExit1: 1.5, alwaysExit1: 0.905, alwaysLocal: 0, alwaysEdge: 0.8 },
      { deadlineMs: 390, timesExit1: 2, alwaysExit1: 0.904, alwaysLocal: 0, alwaysEdge: 0.92 },
    ],
    short: [
      {
        deadlineMs: 136.5,
        timesExit1: 0.7,
        periodMs: 400,
        sets: ['belgian', 'oboe'].map((name) => ({ name, methods: sampleShort() })),
      },
    ],
    sets: [sampleSet('belgian', sampleTimeline), sampleSet('oboe', null)],
    variants: variants.flatMap(({ name, objective }, index) =>
      ['belgian', 'oboe'].map((set) => ({ set, variant: name, objective, summary: sampleSummary('dynamic', index) })),
    ),
    samples: [
      {
        set: 'belgian',
        trace: 'a',
        seconds: 20,
        periodMs: 500,
        device: [{ exit: 1, partition: 12, direction: 'device-first', profiledMs: 195, measuredMs: 187.2 }],
        virtual: { ...run, throughput: 6.4 },
        real: run,
      },
    ],
  };
}

function sampleSet(name: string, timeline: Timeline | null): SetResult {
  return {
    name,
    traces: 2,
    seconds: 600,
    meanMbps: 2.7,
    objectives: (['paper', 'accuracy'] as const).map((objective) => ({
      objective,
      methods: dynamicMethods.map((method, index) => sampleSummary(method.name, index)),
      timeline,
    })),
  };
}

/** Accuracies if met: of the oracle's 97.6, 95.1, 100, 0, 0 and 85.4 %. */
function sampleShort(): MethodSummary[] {
  const accuracies = { dynamic: 0.4, 'static, replanned': 0.39, oracle: 0.41 };
  const plain = { 'always exit 1': 0, 'always local': 0, 'always edge': 0.35 };
  return Object.entries({ ...accuracies, ...plain }).map(([name, accuracyIfMet]) => ({
    ...sampleSummary(name, 0),
    accuracyIfMet,
    met: Math.round(1400 * accuracyIfMet),
  }));
}

function sampleSummary(name: string, index: number): MethodSummary {
  const rising = Array.from({ length: 41 }, (_, step) => step / 4 - index / 10);
  return {
    name,
    frames: 1200,
    met: 1200 - index,
    fellBack: 10,
    switches: 5 + index,
    accuracyIfMet: 0.88 - index / 1000,
    meanReward: 0.88 - index / 1000,
    throughput: rising,
    reward: rising,
  };
}

const sampleTimeline: Timeline = {
  trace: 'report_bicycle_0001.log',
  atS: [0, 0.5, 1],
  bandwidthMbps: [2, 2, 3],
  plans: ['exit1 @12 f32', 'exit5 @0 u8'],
  methods: [{ name: 'dynamic', plan: [0, 0, 1], throughput: [5.2, 5.2, 7], reward: [0.8, 0.8, 0.89] }],
};
