import type { Allowance } from './dynamic/allowances.ts';
import type { ModelName, SettingName } from './settings.ts';

/** How much is measured. */
export interface Scale {
  readonly name: 'full' | 'quick';
  /** Pairs of which each is a platform of its own; the paper's model comes first. */
  readonly places: readonly { setting: SettingName; model: ModelName }[];
  readonly models: readonly ModelName[];
  /** Frames of a point that count, and small ones before, from which the device learns the link. */
  readonly frames: number;
  readonly settleFrames: number;
  /** Bandwidths of the edge-only experiment, Mbit/s, falling. */
  readonly fallingMbps: readonly number[];
  /** What takes longer is not measured, ms: a worker drops what is not whole in 10 s. */
  readonly longestTransferMs: number;
  /** Bandwidths of the static experiment, Mbit/s, rising. */
  readonly risingMbps: readonly number[];
  /** Deadlines of the static experiment and of the accuracy experiment, ms, rising. */
  readonly deadlinesMs: readonly number[];
  readonly accuracyDeadlinesMs: readonly number[];
  /** Frames of a point in which the device plans by itself. */
  readonly servedFrames: number;
  /** Images that the accuracy of the exits is measured with again. */
  readonly images: number;
  /** Runs that a segment is profiled with. */
  readonly profileRuns: number;
  readonly agreement: AgreementScale;
  /** The experiment with moving bandwidth. */
  readonly dynamic: {
    readonly cases: readonly {
      setting: SettingName;
      model: ModelName;
      /** Encodings and directions. */
      allowed: Allowance;
      /** One trace is told frame by frame. */
      withTimeline: boolean;
      /** What the results rest on is changed, one thing at a time. */
      withVariants: boolean;
      /** Traces of each set that are run in real time too, and for how long each, s. */
      realTime: { traces: number; seconds: number };
    }[];
    /** 1: all traces. */
    readonly everyTrace: number;
  };
}

/** Where predicted and measured times are compared. */
export interface AgreementScale {
  readonly deviceFactors: readonly number[];
  /** Rates, Mbit/s, and the frames of a point; the first link is the one that whole branches on the device run beside. */
  readonly links: readonly { mbps: number; frames: number }[];
  readonly exits: 'all' | readonly number[];
  /** Of the partitions of an exit those that this divides, besides the whole branch on the device. */
  readonly everyPartition: number;
  /** Runs of a segment of the calibration model. */
  readonly calibrationRuns: number;
}

/** At most an hour on two cores. */
export const fullScale: Scale = {
  name: 'full',
  places: [
    { setting: 'paper', model: 'branchy-alexnet-32' },
    { setting: 'paper', model: 'branchy-alexnet-128' },
    { setting: 'current', model: 'branchy-alexnet-32' },
    { setting: 'none', model: 'branchy-alexnet-32' },
  ],
  models: ['branchy-alexnet-32', 'branchy-alexnet-128'],
  frames: 5,
  settleFrames: 8,
  fallingMbps: [1, 0.75, 0.5, 0.25, 0.15, 0.1, 0.05],
  longestTransferMs: 7500,
  risingMbps: [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2],
  deadlinesMs: [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000],
  accuracyDeadlinesMs: [100, 200, 300, 400, 500],
  servedFrames: 10,
  images: 2000,
  profileRuns: 20,
  agreement: {
    deviceFactors: [1, 5, 20],
    links: [
      { mbps: 10, frames: 5 },
      { mbps: 1, frames: 3 },
      { mbps: 0.25, frames: 2 },
    ],
    exits: 'all',
    everyPartition: 1,
    calibrationRuns: 10,
  },
  dynamic: {
    cases: [
      {
        setting: 'link-bound',
        model: 'branchy-alexnet-128',
        allowed: 'all',
        withTimeline: true,
        withVariants: true,
        realTime: { traces: 2, seconds: 40 },
      },
      {
        setting: 'link-bound',
        model: 'branchy-alexnet-128',
        allowed: 'f32',
        withTimeline: false,
        withVariants: false,
        realTime: { traces: 0, seconds: 0 },
      },
      {
        setting: 'paper',
        model: 'branchy-alexnet-32',
        allowed: 'f32',
        withTimeline: false,
        withVariants: false,
        realTime: { traces: 1, seconds: 40 },
      },
      {
        setting: 'paper',
        model: 'branchy-alexnet-32',
        allowed: 'all',
        withTimeline: false,
        withVariants: false,
        realTime: { traces: 0, seconds: 0 },
      },
    ],
    everyTrace: 1,
  },
};

/** At most five minutes: whether everything works, not how fast it is. */
export const quickScale: Scale = {
  name: 'quick',
  places: [{ setting: 'paper', model: 'branchy-alexnet-32' }],
  models: ['branchy-alexnet-32'],
  frames: 2,
  settleFrames: 8,
  fallingMbps: [1, 0.25, 0.05],
  longestTransferMs: 7500,
  risingMbps: [0.25, 2],
  deadlinesMs: [100, 1000],
  accuracyDeadlinesMs: [100, 500],
  servedFrames: 3,
  images: 200,
  profileRuns: 3,
  agreement: {
    deviceFactors: [1],
    links: [{ mbps: 10, frames: 3 }],
    exits: [1, 5],
    everyPartition: 10,
    calibrationRuns: 1,
  },
  dynamic: {
    cases: [
      {
        setting: 'paper',
        model: 'branchy-alexnet-32',
        allowed: 'all',
        withTimeline: true,
        withVariants: true,
        realTime: { traces: 1, seconds: 10 },
      },
    ],
    everyTrace: 10,
  },
};
