import { type DynamicDecision, planDynamic } from '../shared/planner/algorithm-3.ts';
import {
  createStateDetector,
  type StateDetector,
  type StateDetectorSnapshot,
} from '../shared/planner/state-detector.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import type { DetectorSettings } from '../shared/protocol/detector-settings.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { RateSample } from './link-monitor.ts';
import { createRateMeasurement } from './rate-measurement.ts';

/**
 * Algorithm 3 on the device: follows the state of the link and finds the plan in the map when it changes. All that
 * comes within one second is one measurement B_t, the mean rate of what was sent then.
 * INVARIANTS: the detector sees one measurement a second at most, whatever the rate of frames, since its parameters
 * count measurements; a map or settings that cannot be used leave the device without a decision, never without frames.
 */
export interface DynamicConfigurator {
  observe(sample: RateSample): void;
  /** @returns C_t; undefined before the first sample of this process, and where map or settings are unusable */
  decide(map: ConfigurationMap, settings: DetectorSettings): DynamicDecision | undefined;
  /** @returns what a later process goes on from; undefined where nothing is known yet */
  snapshot(): StateDetectorSnapshot | undefined;
}

export interface DynamicConfiguratorOptions {
  clock: Pick<Clock, 'nowMs'>;
  /** What an earlier process knew; dropped where it is of other parameters. */
  restored?: StateDetectorSnapshot | undefined;
  log: Record<'warn' | 'error', (about: object, message: string) => void>;
}

export function createDynamicConfigurator({ clock, restored, log }: DynamicConfiguratorOptions): DynamicConfigurator {
  let known = restored;
  let used: { map: ConfigurationMap; settings: DetectorSettings; detector: StateDetector | undefined } | undefined;
  const measurement = createRateMeasurement(clock);
  let bandwidthMbps: number | undefined;
  let previous: DynamicDecision | null = null;
  const snapshot = (): StateDetectorSnapshot | undefined => used?.detector?.snapshot() ?? known;

  /** Goes on from what is known of the bandwidth, which another map does not change. */
  function use(map: ConfigurationMap, settings: DetectorSettings): StateDetector | undefined {
    if (used?.map !== map || used.settings !== settings) {
      known = snapshot();
      used = { map, settings, detector: openDetector(map, settings, known, log) };
    }
    return used.detector;
  }

  function measured(mbps: number | undefined): void {
    if (mbps === undefined) return;
    bandwidthMbps = mbps;
    used?.detector?.observe(mbps);
  }

  return {
    observe: (sample) => measured(measurement.observe(sample)),
    decide(map, settings) {
      const detector = use(map, settings);
      // Who knows nothing yet cannot wait for the second to end.
      measured(measurement.take(bandwidthMbps === undefined));
      if (detector === undefined || bandwidthMbps === undefined) return undefined;
      const stateIndex = detector.state() ?? detector.observe(bandwidthMbps);
      previous = planDynamic(previous, { map, stateIndex, bandwidthMbps, runLength: detector.runLength() });
      return previous;
    },
    snapshot,
  };
}

/** @returns undefined where map or settings cannot be used */
function openDetector(
  map: ConfigurationMap,
  settings: DetectorSettings,
  known: StateDetectorSnapshot | undefined,
  log: DynamicConfiguratorOptions['log'],
): StateDetector | undefined {
  const { entries, revision } = map;
  const { riseMargin, ...parameters } = settings;
  const options = { states: entries.map(({ state }) => state), parameters, riseMargin };
  try {
    return createStateDetector(options, known);
  } catch (error) {
    if (isFleetError(error, 'detector-snapshot-invalid')) {
      log.warn({ reason: messageOf(error) }, 'what was known of the bandwidth is dropped');
      return openDetector(map, settings, undefined, log);
    }
    log.error({ revision, reason: messageOf(error) }, 'configuration map cannot be used');
    return undefined;
  }
}
