import { chunkLimitsFor } from '../protocol/chunking.ts';
import type { Policy } from '../protocol/messages.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import { type ImageEncoding, isImageEncoding, type WireEncoding } from '../protocol/wire-encoding.ts';
import type { Correction } from './correction.ts';
import { type Candidate, type Plan, type Prediction, samePlan } from './plan.ts';
import type { PreparedPlan, PreparedPlans } from './prepared-plans.ts';
import { requestBytes, transferMs } from './wire-bytes.ts';

/** The link as it is believed to be now. */
export interface LinkEstimate {
  uplinkMbps: number;
  /**
   * How the rate has moved of late, from one transfer to the next: ln(what one told / what was believed before it),
   * ascending; absent: nothing is known of it. It is no part of any T.
   */
  uplinkMoves?: readonly number[];
  downlinkMbps: number;
  /** Round trip of a message of no size through the broker to the worker and back, ms. */
  rttMs: number;
}

/** All that a decision depends on; the same input gives the same plan. */
export interface PlanningInput {
  /** Of the model, by the profiles of device and worker. */
  plans: PreparedPlans;
  policy: Policy;
  /** How many times slower this device is made to run; 1 is not emulated. */
  processorFactor: number;
  /** What service has shown the tables' times to be off by; absent: by nothing. */
  correction?: Correction;
  /** What every frame takes on this device besides its plan, ms; absent: nothing is known of it. */
  frameMs?: number;
  /**
   * How many times longer than predicted this device computes at its slowest, at least 1; absent: 1. It is no part of
   * any T: what is to meet the deadline must meet it so too.
   */
  deviceSpread?: number;
  /** For how long the device's one compute thread is still busy with what runs on it, as predicted, ms; absent: it is free. */
  busyMs?: number;
  /** Null: nobody to offload to, or no bandwidth is known; then only whole branches on the device are plans. */
  offload: { queueMs: number; link: LinkEstimate } | null;
  /** Nanoseconds to encode one element on this device. */
  encodeNs: Readonly<Record<Encoding, number>>;
  /** Nanoseconds to decode one element on this device. */
  decodeNs: Readonly<Record<Encoding, number>>;
  /** Of one input as an image; a plan that sends a format which is not here may not be chosen. */
  imageCodecMs?: ImageCodecMs;
  /** Leaves plans out: not prepared yet, or another one is forced. Absent: all are in. */
  allow?: (plan: Plan) => boolean;
}

/**
 * What an image file of the model's input takes, ms. It is decoded on the worker, but measured on the device as well: a
 * worker is hardly slower, and what it takes less is little beside the rest.
 */
export type ImageCodecMs = Readonly<Partial<Record<ImageEncoding, { encodeMs: number; decodeMs: number }>>>;

/** Nothing is sent where no link is known: any rate carries that. */
const anyMbps = 1;

/**
 * T(plan) = frame overhead + wait for the compute thread + device compute + encode + bytes up / B_up + rtt + worker queue + worker compute + bytes down / B_down
 * + decode. Overhead and wait count as the device’s, half of the rtt as upload, half as download, and decoding as download.
 * Device-first the cut goes up and the exit's output comes down; edge-first the input goes up and the cut comes down.
 * @returns undefined where the plan needs a worker and none is there, a table lacks it, or it is written otherwise
 *   than {@link Plan} says
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: A(i,p), with ES and ED as whole segments
 */
export function predict(input: PlanningInput, plan: Plan): Prediction | undefined {
  const prepared = input.plans.all.find((other) => samePlan(other.plan, plan));
  if (prepared === undefined || (input.offload === null && !prepared.isLocal)) return undefined;
  if (!isPriced(input, plan.encoding)) return undefined;
  return predictPrepared(input, prepared);
}

/** @returns whether it is known what encoding takes */
export function isPriced({ imageCodecMs }: PlanningInput, encoding: WireEncoding): boolean {
  return !isImageEncoding(encoding) || imageCodecMs?.[encoding] !== undefined;
}

/** @returns a prepared plan as it is handed on, priced */
export function candidateOf(input: PlanningInput, prepared: PreparedPlan): Candidate {
  const { plan, accuracy } = prepared;
  return { plan, prediction: predictPrepared(input, prepared), accuracy };
}

/** @returns what the device's times of the tables are multiplied by */
export function deviceFactor({ processorFactor, correction }: PlanningInput): number {
  return processorFactor * (correction?.device ?? 1);
}

/** What all plans of one group meet at one moment. */
export interface Conditions {
  frameMs: number;
  /** For the compute thread, before the device computes. */
  waitMs: number;
  deviceFactor: number;
  workerFactor: number;
  encodeNs: number;
  decodeNs: number;
  /** Of an image, on the worker; 0 where none is sent. */
  decodeImageMs: number;
  rttMs: number;
  queueMs: number;
  /** The policy's. */
  marginMs: number;
  /** What the device computes takes longer by this share at its slowest. */
  spareShare: number;
}

/** @param one any plan of the group; what sends nothing meets neither rtt nor queue */
export function conditionsFor(input: PlanningInput, one?: PreparedPlan): Conditions {
  const { decodeNs, offload, correction, frameMs = 0, busyMs = 0 } = input;
  const remote = one?.isLocal === false ? offload : null;
  return {
    frameMs,
    waitMs: one !== undefined && beginsOnDevice(one) ? busyMs : 0,
    deviceFactor: deviceFactor(input),
    workerFactor: correction?.worker ?? 1,
    ...sendingOf(input, one?.plan.encoding ?? 'f32'),
    decodeNs: decodeNs[one?.replyEncoding ?? 'f32'],
    rttMs: remote?.link.rttMs ?? 0,
    queueMs: remote?.queueMs ?? 0,
    marginMs: input.policy.marginMs,
    spareShare: spareShare(input),
  };
}

/** An image is encoded as one element. */
function sendingOf(
  { encodeNs, imageCodecMs }: PlanningInput,
  encoding: WireEncoding,
): Pick<Conditions, 'encodeNs' | 'decodeImageMs'> {
  if (!isImageEncoding(encoding)) return { encodeNs: encodeNs[encoding], decodeImageMs: 0 };
  const { encodeMs = 0, decodeMs = 0 } = imageCodecMs?.[encoding] ?? {};
  return { encodeNs: encodeMs * 1e6, decodeImageMs: decodeMs };
}

/** An edge-first tail comes when the reply is there; what runs on the thread now has mostly ended by then. */
function beginsOnDevice({ isLocal, plan }: PreparedPlan): boolean {
  return isLocal || (plan.direction === 'device-first' && plan.partition > 0);
}

/**
 * What must be left of the deadline at the end of a plan as predicted, ms: the policy's margin, and what the device's own
 * part, its wait for the thread included, takes longer at its slowest.
 */
export function reserveMs(prepared: PreparedPlan, conditions: Conditions): number {
  return conditions.marginMs + conditions.spareShare * ownMs(prepared, conditions);
}

/** @returns the same of a plan that was priced already, ms */
export function reserveOf(input: PlanningInput, { breakdownMs }: Prediction): number {
  const ownPartMs = Math.max(0, breakdownMs.device - (input.frameMs ?? 0));
  return input.policy.marginMs + spareShare(input) * ownPartMs;
}

function spareShare({ deviceSpread = 1 }: PlanningInput): number {
  return deviceSpread - 1;
}

/** The part of T that no bandwidth changes, ms. */
export function fixedMs(prepared: PreparedPlan, conditions: Conditions): number {
  const device = deviceMs(prepared, conditions);
  const worker = workerMs(prepared, conditions);
  const codec = encodeMs(prepared, conditions) + decodeMs(prepared, conditions);
  return device + codec + conditions.rttMs + conditions.queueMs + worker;
}

function predictPrepared(input: PlanningInput, prepared: PreparedPlan): Prediction {
  const conditions = conditionsFor(input, prepared);
  const { rttMs, queueMs } = conditions;
  const uplinkMbps = input.offload?.link.uplinkMbps ?? anyMbps;
  const uploadBytes = requestBytes(prepared.uploads, prepared.plan.encoding, chunkLimitsFor(uplinkMbps));
  const upMs = transferMs(uploadBytes, uplinkMbps);
  const downMs = transferMs(prepared.replyBytes, input.offload?.link.downlinkMbps ?? anyMbps);
  return {
    breakdownMs: {
      device: deviceMs(prepared, conditions),
      encode: encodeMs(prepared, conditions),
      upload: upMs + rttMs / 2,
      queue: queueMs,
      worker: workerMs(prepared, conditions),
      download: downMs + rttMs / 2 + decodeMs(prepared, conditions),
    },
    totalMs: fixedMs(prepared, conditions) + upMs + downMs,
    uploadBytes,
  };
}

function deviceMs(prepared: PreparedPlan, conditions: Conditions): number {
  return conditions.frameMs + ownMs(prepared, conditions);
}

/** What the device computes, with its wait for the thread, ms. */
function ownMs(prepared: PreparedPlan, { waitMs, deviceFactor: factor }: Conditions): number {
  return waitMs + prepared.deviceMs * factor;
}

/** What the worker computes, with the decoding of an image, ms. */
function workerMs(prepared: PreparedPlan, { workerFactor, decodeImageMs }: Conditions): number {
  return prepared.workerMs * workerFactor + decodeImageMs;
}

function encodeMs({ encodeElements }: PreparedPlan, { encodeNs }: Conditions): number {
  return (encodeElements * encodeNs) / 1e6;
}

function decodeMs({ decodeElements }: PreparedPlan, { decodeNs }: Conditions): number {
  return (decodeElements * decodeNs) / 1e6;
}
