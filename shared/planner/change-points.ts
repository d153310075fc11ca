import { type Static, Type } from 'typebox';
import {
  type DetectorParameters,
  DetectorParametersSchema,
  defaultDetectorParameters,
} from '../protocol/detector-settings.ts';
import { FleetError } from '../runtime/errors.ts';
import { createParser } from '../runtime/schema.ts';
import { createRunLengths, type RunPriors } from './run-lengths.ts';

/** All that a detector knows, as plain JSON. */
export const DetectorSnapshotSchema = Type.Object({
  schema: Type.Literal(1),
  parameters: DetectorParametersSchema,
  runLength: Type.Integer({ minimum: 0 }),
  runs: Type.Array(
    Type.Object({
      runLength: Type.Integer({ minimum: 0 }),
      probability: Type.Number({ minimum: 0, maximum: 1 }),
      mean: Type.Number(),
      beta: Type.Number({ exclusiveMinimum: 0 }),
    }),
  ),
});
export type DetectorSnapshot = Static<typeof DetectorSnapshotSchema>;

/** What is believed after a sample. */
export interface Detection {
  /** The run is shorter than it was believed to be: bandwidth has changed since. */
  changed: boolean;
  /** Samples of the current run, this one included; it grows by more than one where a change is taken back. */
  runLength: number;
  /** Geometric mean of the samples of the current run, of a long one that of the last `memorySamples` or so. */
  meanMbps: number;
}

/** Finds the samples from which on bandwidth is another. */
export interface ChangePointDetector {
  /**
   * @param mbps 0 is a sample like others; what was not measured is left out
   * @throws {FleetError} `bandwidth-invalid` for less than 0 and what is no finite number; nothing has changed then
   */
  observe(mbps: number): Detection;
  snapshot(): DetectorSnapshot;
}

const parametersParser = createParser(DetectorParametersSchema, 'detector-parameters-invalid', 'detector parameters');
const snapshotParser = createParser(DetectorSnapshotSchema, 'detector-snapshot-invalid', 'detector snapshot');

/**
 * Bayesian online detection of change points in log bandwidth. The probability of run length 0 is the hazard
 * whatever happens, so a change shows as a drop of the most probable run length.
 * @param settings what differs from the defaults
 * @param snapshot of a detector of the same settings: goes on from there, bit by bit the same
 * @throws {FleetError} `detector-parameters-invalid`, `detector-snapshot-invalid`
 * @see Adams and MacKay, "Bayesian Online Changepoint Detection", 2007
 */
export function createChangePointDetector(
  settings: Partial<DetectorParameters> = {},
  snapshot?: DetectorSnapshot,
): ChangePointDetector {
  const parameters = parametersParser.parse({ ...defaultDetectorParameters, ...settings });
  const { confidence, confirmSamples, floorMbps, memorySamples } = parameters;
  if (snapshot !== undefined) requireFitting(snapshotParser.parse(snapshot), parameters);
  const runs = createRunLengths(priorsOf(parameters), snapshot?.runs);
  let runLength = snapshot?.runLength ?? 0;
  return {
    observe(mbps) {
      requireBandwidth(mbps);
      runs.update(Math.log(Math.min(Math.max(mbps, floorMbps), ceilingMbps)));
      const grown = Math.min(runLength + 1, memorySamples);
      const likely = runs.mostProbable();
      const isConfirmed = likely >= confirmSamples && runs.massBelow(grown) >= confidence;
      const changed = likely < grown && (isConfirmed || !runs.has(grown));
      runLength = changed || likely > grown ? likely : runLength + 1;
      return { changed, runLength, meanMbps: Math.exp(runs.meanOf(Math.min(runLength, memorySamples))) };
    },
    snapshot: () => ({ schema: 1, parameters, runLength, runs: runs.hypotheses() }),
  };
}

/** @throws {FleetError} `bandwidth-invalid` for less than 0 and what is no finite number */
export function requireBandwidth(mbps: number): void {
  if (!(mbps >= 0 && mbps < Number.POSITIVE_INFINITY)) throw new FleetError('bandwidth-invalid', `${mbps} Mbit/s`);
}

/** On the scale of ln(Mbit/s). */
function priorsOf(parameters: DetectorParameters): RunPriors {
  const variance = Math.log1p(parameters.noise ** 2);
  return {
    hazard: 1 / parameters.expectedRunSamples,
    mean: Math.log(parameters.typicalMbps),
    meanWeight: variance / Math.log(parameters.levelSpread) ** 2,
    variance,
    varianceWeight: parameters.noiseSamples,
    longestRun: parameters.memorySamples,
    negligibleMass: parameters.negligibleMass,
    maxHypotheses: parameters.maxRunLengths,
  };
}

/** Faster is nothing that a device is linked by; a mean of such samples is still a number. */
const ceilingMbps = 1e6;

/** Probabilities that are stored add up to 1 within this. */
const massTolerance = 1e-6;

function requireFitting({ parameters, runLength, runs }: DetectorSnapshot, expected: DetectorParameters): void {
  const lengths = runs.map((run) => run.runLength);
  const mass = runs.reduce((sum, { probability }) => sum + probability, 0);
  const current = Math.min(runLength, expected.memorySamples);
  const fits =
    JSON.stringify(sorted(parameters)) === JSON.stringify(sorted(expected)) &&
    lengths.length <= expected.maxRunLengths &&
    lengths.every((length, i) => length <= expected.memorySamples && length > (lengths[i + 1] ?? -1)) &&
    lengths.at(-1) === 0 &&
    lengths.includes(current) &&
    (current > 0 || lengths.length === 1) &&
    Math.abs(mass - 1) <= massTolerance;
  if (!fits) throw new FleetError('detector-snapshot-invalid', 'its runs or parameters are not those of this detector');
}

function sorted(parameters: DetectorParameters): [string, number][] {
  return Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
