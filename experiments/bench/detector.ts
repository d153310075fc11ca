import { createStateDetector } from '../../shared/planner/state-detector.ts';
import type { DetectorParameters } from '../../shared/protocol/detector-settings.ts';
import { seededRandom } from '../../shared/runtime/random.ts';
import { median } from '../../shared/runtime/statistics.ts';
import type { BenchArea, BenchFigure } from './figure.ts';
import { durationMs, type Measured, measureRounds } from './rounds.ts';

/** Samples before the steps that are timed. */
const historySamples = 1000;
const stepsARound = 2000;
/** The most that one step may take, µs. */
const barUs = 50;
const stateCount = 12;

/** As if nothing were negligible and nothing forgotten: every run length of the history is followed. */
const everythingFollowed: Partial<DetectorParameters> = {
  memorySamples: historySamples,
  maxRunLengths: historySamples,
  negligibleMass: 0,
};

/** What each measurement of the bandwidth costs a device with the dynamic configurator. */
export const detectorArea: BenchArea = {
  name: 'detector',
  description: `one step of the change-point detector, with a history of ${historySamples} samples`,
  run: (context): Promise<BenchFigure[]> => Promise.resolve(measureRounds('detector', measured(), context)),
};

function measured(): Measured[] {
  return [
    { name: 'one step, median', unit: 'µs', bar: barUs, round: stepsOf({}) },
    {
      name: `one step that follows all of ${historySamples} run lengths, median`,
      unit: 'µs',
      bar: barUs,
      round: stepsOf(everythingFollowed),
    },
  ];
}

/** @returns times the next steps of one detector whose history is behind it, in µs */
function stepsOf(parameters: Partial<DetectorParameters>): () => number {
  const states = Array.from({ length: stateCount }, (_, i) => ({ mbps: (i + 0.5) / 2, fromMbps: i / 2 }));
  const detector = createStateDetector({ states, parameters });
  const nextMbps = createSeries();
  for (let sample = 0; sample < historySamples; sample += 1) detector.observe(nextMbps());
  return () => {
    const times = Array.from({ length: stepsARound }, () => {
      const mbps = nextMbps();
      return durationMs(() => detector.observe(mbps));
    });
    return 1000 * median(times);
  };
}

/** @returns rates that halve or double about once a minute, with a noise of 20 %; Mbit/s, the same each time */
function createSeries(): () => number {
  const random = seededRandom(1);
  let levelMbps = 2;
  return () => {
    if (random() < 1 / 60) levelMbps = levelMbps < 2 ? 2 * levelMbps : levelMbps / 2;
    return levelMbps * (1 + 0.2 * Math.sqrt(3) * (2 * random() - 1));
  };
}
