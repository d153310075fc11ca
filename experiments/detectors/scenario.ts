import type { PlanningInput } from '../../shared/planner/predict.ts';
import { type PreparedPlans, preparePlans } from '../../shared/planner/prepared-plans.ts';
import { policyParser } from '../../shared/protocol/messages.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';

/** How many times slower than the worker the device is. */
const deviceFactor = 30;

/**
 * A made-up network of five exits over an image of 64 × 64 × 3 bytes: the time of each layer on the worker, ms, and
 * the accuracy. Exit 1 runs in 60 ms on the device, all others are too slow for it alone.
 */
const exits = [
  { accuracy: 0.72, layersMs: [1, 1] },
  { accuracy: 0.79, layersMs: [1, 10, 1] },
  { accuracy: 0.84, layersMs: [1, 10, 12, 1] },
  { accuracy: 0.87, layersMs: [1, 10, 12, 16, 1] },
  { accuracy: 0.89, layersMs: [1, 10, 12, 16, 20, 1] },
];

/** Deadline of a frame, ms. */
export const deadlineMs = 100;
/** Round trip of a message of no size, ms. */
export const rttMs = 10;

/** Elements of the cut before each layer; after the last it is the ten classes. */
const cutElements = [12_288, 4096, 3072, 2048, 1024, 512];
const classes = 10;

/** @returns what is planned with at this rate: within 100 ms, five plans are right somewhere between 0.5 and 5 Mbit/s */
export function scenarioInput(uplinkMbps: number): PlanningInput {
  return {
    plans: scenarioPlans(),
    policy: policyParser.parse({
      name: 'detectors',
      version: 1,
      deadlineMs,
      minimumAccuracy: 0,
      accuracyTolerance: 0.005,
      encodings: ['u8'],
      directions: ['device-first'],
      marginMs: 5,
    }),
    processorFactor: 1,
    encodeNs: { f32: 0, f16: 5, u8: 5 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
    offload: {
      queueMs: 0,
      link: { uplinkMbps, downlinkMbps: Math.max(uplinkMbps, leastDownlinkMbps), rttMs },
    },
  };
}

function scenarioPlans(): PreparedPlans {
  return preparePlans({
    model: {
      exits: exits.map(({ accuracy, layersMs }, i) => ({
        name: `exit${i + 1}`,
        accuracy,
        cuts: [
          ...layersMs.map((_, layer) => [{ elements: cutElements[layer] ?? classes, rank: 4 }]),
          [{ elements: classes, rank: 2 }],
        ],
      })),
    },
    device: tableOf('slow device', deviceFactor),
    worker: tableOf('worker', 1),
  });
}

/** Replies are small: the downlink is not what the comparison is about. */
const leastDownlinkMbps = 1;

function tableOf(hardwareClass: string, factor: number): LatencyTable {
  return {
    hardwareClass,
    exits: exits.map(({ layersMs }, i) => ({
      name: `exit${i + 1}`,
      head: segments(layersMs, (layer) => layersMs.slice(0, layer), factor),
      tail: segments(layersMs, (layer) => layersMs.slice(layer), factor),
    })),
  };
}

function segments(
  layersMs: readonly number[],
  partOf: (partition: number) => readonly number[],
  factor: number,
): { medianMs: number; p90Ms: number }[] {
  return Array.from({ length: layersMs.length + 1 }, (_, partition) => {
    const ms = factor * partOf(partition).reduce((sum, layer) => sum + layer, 0);
    return { medianMs: ms, p90Ms: ms };
  });
}
