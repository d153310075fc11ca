import { encodings } from '../protocol/tensor-encoding.ts';
import type { PlanningInput } from './predict.ts';
import { requireAtLeastOne, requireAtLeastZero, requirePositive, requireShare } from './require-number.ts';

/**
 * Numbers that come from a schema fit already; those that were computed or estimated may not.
 * @throws {FleetError} `planning-input-invalid`, naming the number
 */
export function checkPlanningInput(input: PlanningInput): void {
  const { policy, offload, processorFactor, correction, frameMs = 0, busyMs = 0, encodeNs, decodeNs } = input;
  requirePositive('deadlineMs', policy.deadlineMs);
  requireAtLeastZero('marginMs', policy.marginMs);
  requireShare('minimumAccuracy', policy.minimumAccuracy);
  requireAtLeastZero('accuracyTolerance', policy.accuracyTolerance);
  requireAtLeastZero('rewardWeights.accuracy', policy.rewardWeights.accuracy);
  requireAtLeastZero('rewardWeights.throughput', policy.rewardWeights.throughput);
  requirePositive('processorFactor', processorFactor);
  requirePositive('correction.device', correction?.device ?? 1);
  requirePositive('correction.worker', correction?.worker ?? 1);
  requireAtLeastZero('frameMs', frameMs);
  requireAtLeastOne('deviceSpread', input.deviceSpread ?? 1);
  requireAtLeastZero('busyMs', busyMs);
  if (offload === null) return;
  requirePositive('uplinkMbps', offload.link.uplinkMbps);
  requirePositive('downlinkMbps', offload.link.downlinkMbps);
  requireAtLeastZero('rttMs', offload.link.rttMs);
  requireAtLeastZero('queueMs', offload.queueMs);
  for (const { encodeMs, decodeMs } of Object.values(input.imageCodecMs ?? {})) {
    requireAtLeastZero('encodeMs of an image', encodeMs);
    requireAtLeastZero('decodeMs of an image', decodeMs);
  }
  for (const encoding of encodings) {
    requireAtLeastZero('encodeNs', encodeNs[encoding]);
    requireAtLeastZero('decodeNs', decodeNs[encoding]);
  }
}
