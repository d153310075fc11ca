import { join } from 'node:path';
import { type Comparison, compareDetectors, dominates } from './compare.ts';
import { measurementNoise } from './measurement-noise.ts';
import { readTraceSets } from './trace-sets.ts';

/** Compares the detectors over the public traces; prints a JSON object a line. */
const dataFolder = process.env.EDGENT_DATA || join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data');

for (const { name: set, traces } of readTraceSets(dataFolder).toReversed()) {
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
