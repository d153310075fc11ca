import { chunkLimitsFor } from '../protocol/chunking.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import { type Encoding, encodings } from '../protocol/tensor-encoding.ts';
import { directions } from '../protocol/tensor-frame.ts';
import { imageEncodings, type WireEncoding, wireEncodings } from '../protocol/wire-encoding.ts';
import type { ExitShape, ModelShape, Plan, TensorShape } from './plan.ts';
import { requireAtLeastZero, requireShare } from './require-number.ts';
import { replyBytes, requestBytes } from './wire-bytes.ts';

/** One plan with all that its T and its rank need and that neither link nor queue nor policy change. */
export interface PreparedPlan {
  readonly plan: Plan;
  /** Top-1, 0..1, as the plan's encoding leaves it. */
  readonly accuracy: number;
  /** Nothing is sent. */
  readonly isLocal: boolean;
  /** The device's part by its profile, ms. */
  readonly deviceMs: number;
  /** What of it comes before the sending: all device-first, nothing edge-first. */
  readonly headMs: number;
  readonly workerMs: number;
  readonly uploads: readonly TensorShape[];
  /** An image is one: it is priced whole. */
  readonly encodeElements: number;
  /** What comes back. A worker cuts it by the default limits, whatever the link. */
  readonly replyBytes: number;
  readonly replyEncoding: Encoding;
  readonly decodeElements: number;
}

const kinds = ['device-only', 'edge-only', ...directions] as const;

/** Plans that a policy allows or forbids together, side by side in `all`. */
export interface PlanGroup {
  /** Edge-only is the end of either direction, device-only of both. */
  readonly kind: (typeof kinds)[number];
  /** How all of them encode what they send. */
  readonly encoding: WireEncoding;
  /** Index of the first plan, and of the one behind the last. */
  readonly from: number;
  readonly to: number;
}

/**
 * Every plan that the tables know: made once for a model and its profiles, good for any number of decisions.
 * INVARIANT: index i of every list of numbers, here and in what is computed from it, belongs to all[i]. A decision
 * goes through some hundred plans in microseconds that way, without making an object a plan.
 */
export interface PreparedPlans {
  readonly model: ModelShape;
  readonly all: readonly PreparedPlan[];
  readonly groups: readonly PlanGroup[];
  /** Whole branches on the device: the first of `all`. */
  readonly local: readonly PreparedPlan[];
  readonly accuracy: Float64Array;
  readonly exit: Uint16Array;
  readonly replyBytes: Float64Array;
  /** What the device's times above were multiplied by, where that is not 1: its tables are off there. */
  readonly segmentFactors: readonly SegmentFactor[];
  /** @returns bytes up on a link of this rate, headers of all chunks included */
  uploadBytes(uplinkMbps: number): Float64Array;
}

/** What the device's time of a plan's part, whatever its encoding, is multiplied by. */
export interface SegmentFactor extends Pick<Plan, 'exit' | 'partition' | 'direction'> {
  factor: number;
  /** By the profile, ms. */
  tableMs: number;
}

/** What the plans of a model depend on, whatever the link, the queue and the policy. */
export interface PlanTables {
  model: ModelShape;
  /** Measured on the device's hardware class. */
  device: LatencyTable;
  /** Measured on the worker's; null: there is none to offload to. */
  worker: LatencyTable | null;
}

/** Rank of the output of an exit: batch and class. */
const outputRank = 2;

/**
 * A plan is left out where a table lacks one of its two segments.
 * @throws {FleetError} `planning-input-invalid` for a time or an accuracy that is none
 */
export function preparePlans(tables: PlanTables): PreparedPlans {
  const plans = tables.model.exits.flatMap((shape, index) => plansOfExit(tables, shape, index + 1));
  for (const { plan, accuracy, deviceMs, workerMs } of plans) {
    requireShare(`accuracy of exit ${plan.exit}`, accuracy);
    requireAtLeastZero(`device's time of exit ${plan.exit} @${plan.partition}`, deviceMs);
    requireAtLeastZero(`worker's time of exit ${plan.exit} @${plan.partition}`, workerMs);
  }
  const all = plans.toSorted((a, b) => placeOf(a) - placeOf(b)).map(alike);
  return {
    model: tables.model,
    all,
    groups: groupsOf(all),
    local: localOf(all),
    segmentFactors: [],
    accuracy: Float64Array.from(all, ({ accuracy }) => accuracy),
    exit: Uint16Array.from(all, ({ plan }) => plan.exit),
    replyBytes: Float64Array.from(all, ({ replyBytes }) => replyBytes),
    uploadBytes: rememberUploadBytes(all),
  };
}

/**
 * The same plans on a device whose segments are off from their tables each in its own way.
 * @param factors what the device's times of each plan are multiplied by, as they stand in `all`
 */
export function withSegmentFactors(plans: PreparedPlans, factors: Float64Array): PreparedPlans {
  const all = plans.all.map((prepared, i) => {
    const factor = factors[i] ?? 1;
    return alike({ ...prepared, deviceMs: prepared.deviceMs * factor, headMs: prepared.headMs * factor });
  });
  const segmentFactors: SegmentFactor[] = [];
  for (const [i, { plan, deviceMs }] of plans.all.entries()) {
    const factor = factors[i] ?? 1;
    const { exit, partition, direction, encoding } = plan;
    if (encoding !== 'f32' || deviceMs === 0 || factor === 1) continue;
    segmentFactors.push({ exit, partition, direction, factor, tableMs: deviceMs });
  }
  return { ...plans, all, local: localOf(all), segmentFactors };
}

/** Objects that were made in different places are read several times as slowly as those of one place. */
function alike(prepared: PreparedPlan): PreparedPlan {
  const { plan, accuracy, isLocal, deviceMs, headMs, workerMs, uploads, encodeElements } = prepared;
  const { replyBytes: bytes, replyEncoding, decodeElements } = prepared;
  return {
    plan,
    accuracy,
    isLocal,
    deviceMs,
    headMs,
    workerMs,
    uploads,
    encodeElements,
    replyBytes: bytes,
    replyEncoding,
    decodeElements,
  };
}

function localOf(all: readonly PreparedPlan[]): PreparedPlan[] {
  return all.filter(({ isLocal }) => isLocal);
}

/** Where the group of a plan stands among the groups. */
function placeOf(prepared: PreparedPlan): number {
  return kinds.indexOf(kindOf(prepared)) * wireEncodings.length + wireEncodings.indexOf(prepared.plan.encoding);
}

function kindOf({ isLocal, plan }: PreparedPlan): PlanGroup['kind'] {
  if (isLocal) return 'device-only';
  return plan.partition === 0 ? 'edge-only' : plan.direction;
}

/** @param all plans of one kind and encoding side by side */
function groupsOf(all: readonly PreparedPlan[]): PlanGroup[] {
  const groups: PlanGroup[] = [];
  for (const [i, prepared] of all.entries()) {
    const { encoding } = prepared.plan;
    const kind = kindOf(prepared);
    const last = groups.at(-1);
    if (last?.kind === kind && last.encoding === encoding) groups[groups.length - 1] = { ...last, to: i + 1 };
    else groups.push({ kind, encoding, from: i, to: i + 1 });
  }
  return groups;
}

/** Chunk limits that bytes are kept for: those of all rates that one link goes through, and of the devices of a class. */
const rememberedLimits = 8;

/** Links of about the same rate cut a tensor alike: bytes are counted anew only for limits of a chunk that are new. */
function rememberUploadBytes(all: readonly PreparedPlan[]): (uplinkMbps: number) => Float64Array {
  const known = new Map<number, Float64Array>();
  return (uplinkMbps) => {
    const limits = chunkLimitsFor(uplinkMbps);
    const key = limits.minPayloadBytes * 2 ** 32 + limits.maxPayloadBytes;
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    const [oldest] = known.keys();
    if (oldest !== undefined && known.size >= rememberedLimits) known.delete(oldest);
    const bytes = Float64Array.from(all, ({ uploads, plan }) => requestBytes(uploads, plan.encoding, limits));
    known.set(key, bytes);
    return bytes;
  };
}

function plansOfExit({ device, worker }: PlanTables, shape: ExitShape, exit: number): PreparedPlan[] {
  const onDevice = device.exits[exit - 1];
  const onWorker = worker?.exits[exit - 1];
  const last = shape.cuts.length - 1;
  const plans: PreparedPlan[] = [];
  for (let p = 0; p <= last; p += 1) {
    const head = onDevice?.head[p]?.medianMs;
    const tail = onDevice?.tail[p]?.medianMs;
    const workerHead = onWorker?.head[p]?.medianMs;
    const workerTail = onWorker?.tail[p]?.medianMs;
    if (p === last) {
      if (head !== undefined) plans.push(localPlan(shape, exit, head));
      continue;
    }
    if (head !== undefined && workerTail !== undefined) {
      const times = { deviceMs: head, workerMs: workerTail };
      plans.push(...deviceFirst(shape, { exit, partition: p }, times));
      if (p === 0) plans.push(...imagesFirst(shape, { exit, partition: p }, times));
    }
    if (p > 0 && tail !== undefined && workerHead !== undefined) {
      plans.push(...edgeFirst(shape, { exit, partition: p }, { deviceMs: tail, workerMs: workerHead }));
    }
  }
  return plans;
}

type Place = Pick<Plan, 'exit' | 'partition'>;
type Times = Pick<PreparedPlan, 'deviceMs' | 'workerMs'>;

function localPlan(shape: ExitShape, exit: number, deviceMs: number): PreparedPlan {
  return {
    plan: { exit, partition: shape.cuts.length - 1, direction: 'device-first', encoding: 'f32' },
    accuracy: shape.accuracy,
    isLocal: true,
    deviceMs,
    headMs: deviceMs,
    workerMs: 0,
    uploads: [],
    encodeElements: 0,
    replyBytes: 0,
    replyEncoding: 'f32',
    decodeElements: 0,
  };
}

/** The cut goes up, the exit's output comes back in f32. */
function deviceFirst(shape: ExitShape, place: Place, times: Times): PreparedPlan[] {
  const uploads = shape.cuts[place.partition] ?? [];
  return encodings.map((encoding) => ({
    plan: { ...place, direction: 'device-first', encoding },
    accuracy: accuracyOf(shape, place.partition, encoding),
    isLocal: false,
    ...times,
    headMs: times.deviceMs,
    uploads,
    encodeElements: elementsOf(uploads),
    ...outputReply(shape),
  }));
}

/** The input goes up as an image file, which is a tensor of its bytes. */
function imagesFirst(shape: ExitShape, place: Place, times: Times): PreparedPlan[] {
  return imageEncodings.flatMap((encoding) => {
    const input = shape.imageEncodings?.[encoding];
    if (input === undefined) return [];
    return {
      plan: { ...place, direction: 'device-first', encoding },
      accuracy: input.accuracy,
      isLocal: false,
      ...times,
      headMs: times.deviceMs,
      uploads: [{ elements: input.bytes, rank: 1 }],
      encodeElements: 1,
      ...outputReply(shape),
    };
  });
}

function outputReply({ cuts }: ExitShape): Pick<PreparedPlan, 'replyBytes' | 'replyEncoding' | 'decodeElements'> {
  const output = [{ elements: cuts.at(-1)?.[0]?.elements ?? 0, rank: outputRank }];
  return { replyBytes: replyBytes(output, 'f32'), replyEncoding: 'f32', decodeElements: elementsOf(output) };
}

/** The input goes up, the cut comes back in the same encoding. */
function edgeFirst(shape: ExitShape, place: Place, times: Times): PreparedPlan[] {
  const uploads = shape.cuts[0] ?? [];
  const reply = shape.cuts[place.partition] ?? [];
  return encodings.map((encoding) => ({
    plan: { ...place, direction: 'edge-first', encoding },
    accuracy: accuracyOf(shape, place.partition, encoding),
    isLocal: false,
    ...times,
    headMs: 0,
    uploads,
    encodeElements: elementsOf(uploads),
    replyBytes: replyBytes(reply, encoding),
    replyEncoding: encoding,
    decodeElements: elementsOf(reply),
  }));
}

function accuracyOf({ accuracy, encodedAccuracy }: ExitShape, partition: number, encoding: Encoding): number {
  return encoding === 'f32' ? accuracy : (encodedAccuracy?.[encoding]?.[partition] ?? accuracy);
}

function elementsOf(tensors: readonly TensorShape[]): number {
  return tensors.reduce((sum, { elements }) => sum + elements, 0);
}
