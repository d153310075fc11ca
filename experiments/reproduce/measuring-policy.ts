import type { Policy } from '../../shared/protocol/messages.ts';

/**
 * What every experiment allows, besides its deadlines and what it narrows. Accuracies are taken for what they are: with
 * a tolerance a method would give away accuracy for time, and be found less accurate than what it is compared with.
 */
export const measuringPolicy = {
  minimumAccuracy: 0,
  accuracyTolerance: 0,
  encodings: ['f32', 'f16', 'u8'],
  directions: ['device-first', 'edge-first'],
  marginMs: 5,
  objective: 'accuracy',
  configurator: 'static',
} satisfies Partial<Policy>;

/** Of plans that are asked what they take, not whether it is in time: long enough for everything. */
export const patientDeadlineMs = 60_000;
