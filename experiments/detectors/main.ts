import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BandwidthTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';
import { belgianScale, type Comparison, compareDetectors, dominates } from './compare.ts';
import { measurementNoise } from './measurement-noise.ts';

/** Compares the detectors over the public traces; prints a JSON object a line. */
const dataFolder = process.env.EDGENT_DATA || join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data');
const belgianFolder = join(dataFolder, 'lte-belgium');
const oboe = parseTraces('oboe', readFileSync(join(dataFolder, 'oboe', 'oboe_traces.csv'), 'utf8'));
const belgian = readdirSync(belgianFolder)
  .toSorted()
  .flatMap((name) => parseTraces(name, readFileSync(join(belgianFolder, name), 'utf8')))
  .map((trace) => scaleTrace(trace, belgianScale));

const sets: [string, readonly BandwidthTrace[]][] = [
  ['oboe', oboe],
  ['belgian', belgian],
];
for (const [set, traces] of sets) {
  for (const noise of [0, 0.1, 0.2]) {
    for (const planningShare of [null, 0.25]) {
      const states = { count: 12, planningShare };
      print({ set, noise, planningShare }, compareDetectors({ traces, states, factorAt: measurementNoise(noise, 1) }));
    }
  }
}

function print(about: object, { changePoints, everyWeight, everyWeightWithMargin, ...others }: Comparison): void {
  for (const { name, outcome } of [changePoints, ...Object.values(others), ...everyWeight, ...everyWeightWithMargin]) {
    const { frames, met, accuracyIfMet, switches } = outcome;
    const figures = {
      metPercent: rounded((100 * met) / frames, 2),
      accuracyIfMetPercent: rounded((100 * accuracyIfMet) / met, 2),
      switchesPerThousand: rounded((1000 * switches) / frames, 1),
      dominatesChangePoints: dominates(outcome, changePoints.outcome),
      dominatedByChangePoints: dominates(changePoints.outcome, outcome),
    };
    process.stdout.write(`${JSON.stringify({ ...about, name, frames, ...figures })}\n`);
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
