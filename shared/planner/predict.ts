import { type ChunkLimits, chunkCount, chunkLimitsFor } from '../protocol/chunking.ts';
import type { Policy } from '../protocol/messages.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import { type Encoding, encodedBytes } from '../protocol/tensor-encoding.ts';
import { headerBytes } from '../protocol/tensor-frame.ts';
import type { ModelShape, Plan, Prediction, TensorShape } from './plan.ts';

/** The link as it is believed to be now. */
export interface LinkEstimate {
  uplinkMbps: number;
  downlinkMbps: number;
  /** Round trip of a message of no size through the broker to the worker and back, ms. */
  rttMs: number;
}

/** All that a decision depends on; the same input gives the same plan. */
export interface PlanningInput {
  model: ModelShape;
  policy: Policy;
  /** Measured on the device's hardware class. */
  device: LatencyTable;
  /** How many times slower this device is made to run; 1 is not emulated. */
  processorFactor: number;
  /** Null: nobody to offload to. */
  offload: { worker: LatencyTable; queueMs: number; link: LinkEstimate } | null;
  /** Nanoseconds to encode one element on this device. */
  encodeNs: Readonly<Record<Encoding, number>>;
  /** Leaves plans out: not prepared yet, or another one is forced. Absent: all are in. */
  allow?: (plan: Plan) => boolean;
}

/** MQTT's fixed header and the topic of a chunk whose two ids have about a dozen characters each, bytes a message. */
export const messageOverheadBytes = 64;

/** Rank of the output of an exit: batch and class. */
const replyRank = 2;

/** @returns bytes of the messages that carry these tensors in this encoding, headers included */
export function wireBytes(tensors: readonly TensorShape[], encoding: Encoding, limits?: ChunkLimits): number {
  return tensors.reduce((sum, { elements, rank }) => {
    const bytes = encodedBytes(encoding, elements);
    return sum + bytes + chunkCount(bytes, limits) * (headerBytes(rank) + messageOverheadBytes);
  }, 0);
}

/**
 * T(plan) = device compute + encode + bytes up / B_up + rtt + worker queue + worker compute + bytes down / B_down.
 * Half of the rtt counts as upload, half as download.
 * @returns undefined where the plan needs a worker and none is there, or a table lacks it
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: A(i,p)
 */
export function predict(input: PlanningInput, plan: Plan): Prediction | undefined {
  const exit = input.model.exits[plan.exit - 1];
  const head = input.device.exits[plan.exit - 1]?.head[plan.partition];
  const cut = exit?.cuts[plan.partition];
  if (exit === undefined || head === undefined || cut === undefined) return undefined;
  const device = head.medianMs * input.processorFactor;
  if (plan.partition === exit.cuts.length - 1) {
    return {
      breakdownMs: { device, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 },
      totalMs: device,
      uploadBytes: 0,
    };
  }
  if (plan.direction !== 'device-first') return undefined;
  const tail = input.offload?.worker.exits[plan.exit - 1]?.tail[plan.partition];
  if (input.offload === null || tail === undefined) return undefined;
  const { link, queueMs } = input.offload;
  const elements = cut.reduce((sum, tensor) => sum + tensor.elements, 0);
  const uploadBytes = wireBytes(cut, plan.encoding, chunkLimitsFor(link.uplinkMbps));
  const replyBytes = wireBytes([{ elements: exit.cuts.at(-1)?.[0]?.elements ?? 0, rank: replyRank }], 'f32');
  const breakdownMs = {
    device,
    encode: (elements * input.encodeNs[plan.encoding]) / 1e6,
    upload: transferMs(uploadBytes, link.uplinkMbps) + link.rttMs / 2,
    queue: queueMs,
    worker: tail.medianMs,
    download: transferMs(replyBytes, link.downlinkMbps) + link.rttMs / 2,
  };
  const totalMs = Object.values(breakdownMs).reduce((sum, part) => sum + part, 0);
  return { breakdownMs, totalMs, uploadBytes };
}

/** @returns milliseconds that this many bytes take at this rate */
export function transferMs(bytes: number, mbps: number): number {
  return (bytes * 8) / (mbps * 1000);
}
