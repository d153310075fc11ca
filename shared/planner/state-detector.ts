import { type Static, Type } from 'typebox';
import { type DetectorParameters, defaultRiseMargin } from '../protocol/detector-settings.ts';
import { FleetError } from '../runtime/errors.ts';
import { createParser } from '../runtime/schema.ts';
import { type BandwidthState, followState, requireBandwidthStates } from './bandwidth-states.ts';
import { createChangePointDetector, DetectorSnapshotSchema } from './change-points.ts';

/** D(B_{1..t}) of Algorithm 3: whatever tells the bandwidth state from the samples so far. */
export interface BandwidthStateDetector {
  /**
   * @returns index of the state in which the link is now
   * @throws {FleetError} `bandwidth-invalid`; nothing has changed then
   */
  observe(mbps: number): number;
}

export interface StateDetectorOptions {
  states: readonly BandwidthState[];
  /** What differs from the default parameters of the change-point detector. */
  parameters?: Partial<DetectorParameters>;
  /** See followState; `defaultRiseMargin` if absent. */
  riseMargin?: number;
}

/** All that a state detector knows, as plain JSON. */
export const StateDetectorSnapshotSchema = Type.Object({
  schema: Type.Literal(1),
  /** Where the states begin that `state` counts. */
  fromMbps: Type.Array(Type.Number({ minimum: 0 })),
  /** Null before the first sample. */
  state: Type.Union([Type.Null(), Type.Integer({ minimum: 0 })]),
  detector: DetectorSnapshotSchema,
});
export type StateDetectorSnapshot = Static<typeof StateDetectorSnapshotSchema>;

export interface StateDetector extends BandwidthStateDetector {
  /** The state that the last sample left; undefined before the first, and where only the bandwidth was restored. */
  state(): number | undefined;
  /** Samples of the run that holds now; 0 before the first. */
  runLength(): number;
  snapshot(): StateDetectorSnapshot;
}

export const stateDetectorSnapshotParser = createParser(
  StateDetectorSnapshotSchema,
  'detector-snapshot-invalid',
  'state detector snapshot',
);

/**
 * The state of the mean of the run that the change-point detector sees: single samples do not move it, a change does,
 * and while the mean of a young run settles the state follows it, past the margin.
 * @param snapshot of a detector of the same parameters: goes on from there, bit by bit the same; with other states, only
 *   what is known of the bandwidth is kept
 * @throws {FleetError} `bandwidth-states-empty`, `bandwidth-states-invalid`, `detector-parameters-invalid`,
 *   `detector-snapshot-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 3
 */
export function createStateDetector(options: StateDetectorOptions, snapshot?: StateDetectorSnapshot): StateDetector {
  const { states, parameters, riseMargin = defaultRiseMargin } = options;
  requireBandwidthStates(states);
  if (!(riseMargin >= 0 && riseMargin < Infinity)) {
    throw new FleetError('detector-parameters-invalid', `riseMargin ${riseMargin} is not 0 or more`);
  }
  const restored = snapshot === undefined ? undefined : stateDetectorSnapshotParser.parse(snapshot);
  const detector = createChangePointDetector(parameters, restored?.detector);
  const fromMbps = states.map((state) => state.fromMbps);
  let state = restored === undefined ? undefined : restoredState(restored, fromMbps);
  let runLength = restored?.detector.runLength ?? 0;
  return {
    observe(mbps) {
      const detection = detector.observe(mbps);
      runLength = detection.runLength;
      state = followState(states, state, detection.meanMbps, riseMargin);
      return state;
    },
    state: () => state,
    runLength: () => runLength,
    snapshot: () => ({ schema: 1, fromMbps, state: state ?? null, detector: detector.snapshot() }),
  };
}

function restoredState({ fromMbps, state }: StateDetectorSnapshot, expected: readonly number[]): number | undefined {
  const sameStates = fromMbps.length === expected.length && fromMbps.every((mbps, i) => mbps === expected[i]);
  if (state === null || !sameStates) return undefined;
  if (state < expected.length) return state;
  throw new FleetError('detector-snapshot-invalid', `state ${state} of ${expected.length}`);
}
