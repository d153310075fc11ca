import { replyBytes } from '../../../shared/planner/wire-bytes.ts';
import { type ChunkLimits, chunkCount, chunkLimitsFor, defaultChunkLimits } from '../../../shared/protocol/chunking.ts';
import type { FrameResult } from '../../../shared/protocol/frame-result.ts';
import { type Encoding, encodedBytes } from '../../../shared/protocol/tensor-encoding.ts';
import { offloadTopic, replyTopic } from '../../../shared/protocol/topics.ts';
import { median } from '../../../shared/runtime/statistics.ts';
import { boundMs, type ExchangeTimes } from './exchange.ts';
import type { SendingPlan } from './sending-plans.ts';

/** What a frame's time beyond the bound is made of; the parts are all of it. */
export const excessPartNames = ['device', 'encode', 'headers', 'wire', 'worker', 'inference', 'rest'] as const;
export type ExcessPart = (typeof excessPartNames)[number];
/** For people. */
export const excessPartTexts: Record<ExcessPart, string> = {
  device: 'on the device besides inference: the image made ready, the plan chosen',
  encode: 'encoding',
  headers: 'bytes above the payload, at the link’s rate',
  wire: 'between the two besides: MQTT, the broker, decoding on the device',
  worker: 'on the worker besides inference: decoding, queue, the way to its thread',
  inference: 'inference that took longer than in the bound',
  rest: 'the way to the device’s inference thread, and what else its account does not hold',
};
/** Milliseconds. */
export type ExcessParts = Record<ExcessPart, number>;

/** A frame beside its bound, ms. */
export interface Excess {
  latencyMs: number;
  boundMs: number;
  /** latency − bound. */
  excessMs: number;
  /** What of it the stated headers take at the link's rate: 64 bytes and the topic for each chunk, both ways. */
  statedMs: number;
  parts: ExcessParts;
}

/** Where a frame was run, by which plan. */
export interface Circumstances {
  sending: SendingPlan;
  /** Of the link; null: not shaped. */
  mbps: number | null;
  device: string;
  worker: string;
}

/** What a chunk's header may have besides its topic, bytes. */
const statedChunkBytes = 64;

/** @param times of the same plan's exchange, of the same round */
export function excessOf(frame: FrameResult, times: ExchangeTimes, where: Circumstances): Excess {
  const { breakdownMs, runtimeMs, latencyMs } = frame;
  const { sending, mbps } = where;
  const replyHeaderBytes = replyBytes(sending.down, sending.replyEncoding) - sending.downBytes;
  const headers = transferMs(frame.uploadBytes - sending.upBytes + replyHeaderBytes, mbps);
  const accounted = Object.values(breakdownMs).reduce((sum, ms) => sum + ms, 0);
  const bound = boundMs(times);
  const parts: ExcessParts = {
    device: breakdownMs.device - runtimeMs.device,
    encode: breakdownMs.encode,
    headers,
    wire: breakdownMs.upload + breakdownMs.download - times.wireMs - headers,
    worker: breakdownMs.queue + breakdownMs.worker - runtimeMs.worker,
    inference: runtimeMs.device + runtimeMs.worker - times.beforeMs - times.workerMs - times.afterMs,
    rest: latencyMs - accounted,
  };
  return { latencyMs, boundMs: bound, excessMs: latencyMs - bound, statedMs: statedMs(frame, where), parts };
}

function statedMs({ assumed }: FrameResult, { sending, mbps, device, worker }: Circumstances): number {
  const limits = assumed.uplinkMbps === null ? defaultChunkLimits : chunkLimitsFor(assumed.uplinkMbps);
  const upChunks = countChunks(sending.up, sending.plan.encoding, limits);
  const downChunks = countChunks(sending.down, sending.replyEncoding, defaultChunkLimits);
  const upBytes = upChunks * (statedChunkBytes + offloadTopic(device, worker).length);
  const downBytes = downChunks * (statedChunkBytes + replyTopic(device, worker).length);
  return transferMs(upBytes + downBytes, mbps);
}

function countChunks(tensors: SendingPlan['up'], encoding: Encoding, limits: ChunkLimits): number {
  return tensors.reduce((sum, { elements }) => sum + chunkCount(encodedBytes(encoding, elements), limits), 0);
}

function transferMs(bytes: number, mbps: number | null): number {
  return mbps === null ? 0 : (bytes * 8) / (mbps * 1000);
}

/** @returns each number's median: the parts' need not add up to the whole's */
export function medianExcess(all: readonly Excess[]): Excess {
  const of = (read: (one: Excess) => number): number => median(all.map(read));
  return {
    latencyMs: of((one) => one.latencyMs),
    boundMs: of((one) => one.boundMs),
    excessMs: of((one) => one.excessMs),
    statedMs: of((one) => one.statedMs),
    parts: {
      device: of(({ parts }) => parts.device),
      encode: of(({ parts }) => parts.encode),
      headers: of(({ parts }) => parts.headers),
      wire: of(({ parts }) => parts.wire),
      worker: of(({ parts }) => parts.worker),
      inference: of(({ parts }) => parts.inference),
      rest: of(({ parts }) => parts.rest),
    },
  };
}

const leastAllowedMs = 1.5;

/** @returns what a frame may take above its bound, besides its headers, ms */
export function allowedMs(bound: number, mbps: number | null): number {
  if (mbps === null) return leastAllowedMs;
  return Math.max(leastAllowedMs, (mbps >= 10 ? 0.1 : 0.05) * bound);
}

/** @returns of what is allowed the share that was taken; above 1: too much */
export function takenShare(excess: Excess, mbps: number | null): number {
  return (excess.excessMs - excess.statedMs) / allowedMs(excess.boundMs, mbps);
}
