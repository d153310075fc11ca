import type { Plan, TensorShape } from '../planner/plan.ts';
import type { LinkEstimate } from '../planner/predict.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import { type ImageEncoding, isImageEncoding } from '../protocol/wire-encoding.ts';
import type { PlanningCase } from './planning-input.ts';

/** A plan with its T and its rank, summed up apart from the planner. */
export interface ScoredPlan {
  plan: Plan;
  totalMs: number;
  accuracy: number;
  isLocal: boolean;
  /** What the device computes before it waits, the encoding of an image included, ms. */
  headMs: number;
  /** All that the device computes, with what it waits for its thread, ms. */
  ownMs: number;
}

/** Every plan that may be used at all, admissible or not, written down without any search. */
export function everyPlan({ tables, input }: PlanningCase): ScoredPlan[] {
  const { policy, frameMs = 0, busyMs = 0, allow = () => true } = input;
  const waitOf = ({ isLocal, plan }: ScoredPlan): number =>
    isLocal || (plan.direction === 'device-first' && plan.partition > 0) ? busyMs : 0;
  return tables.model.exits
    .flatMap((_, index) => plansOfExit({ tables, input }, index + 1))
    .filter(({ plan, accuracy }) => accuracy >= policy.minimumAccuracy && allow(plan))
    .map((scored) => {
      const waitMs = waitOf(scored);
      return { ...scored, totalMs: frameMs + waitMs + scored.totalMs, ownMs: waitMs + scored.ownMs };
    });
}

/** @returns whether a plan ends within the deadline with all that must be left of it, at the device's slowest too */
export function isInTime({ input }: PlanningCase, { totalMs, ownMs }: ScoredPlan): boolean {
  const { policy, deviceSpread = 1 } = input;
  return totalMs + (deviceSpread - 1) * ownMs + policy.marginMs <= policy.deadlineMs;
}

/** @returns ms that the fastest whole branch takes on the device */
export function rescueMsOf({ tables, input }: PlanningCase): number {
  const lasts = tables.model.exits.map(({ cuts }, index) =>
    segmentMs(tables.device, index + 1, 'head', cuts.length - 1),
  );
  return slownessOf(input) * Math.min(...lasts);
}

/**
 * Only what a missed reply could still be saved from, or what takes no time from that, unless the device is too slow or too
 * busy for any rescue. Of head and rescue the longer one may be at its slowest.
 */
export function admissibleOf(planningCase: PlanningCase): ScoredPlan[] {
  const { policy, busyMs = 0, deviceSpread = 1 } = planningCase.input;
  const { deadlineMs, marginMs } = policy;
  const rescueMs = busyMs + rescueMsOf(planningCase);
  return everyPlan(planningCase).filter(
    ({ isLocal, headMs }) =>
      isLocal ||
      headMs === 0 ||
      rescueMs > deadlineMs ||
      headMs + rescueMs + (deviceSpread - 1) * Math.max(headMs, rescueMs) + marginMs <= deadlineMs,
  );
}

/** @returns the case with this link, as far as there is anybody to offload to */
export function withLink({ tables, input }: PlanningCase, link: Partial<LinkEstimate>): PlanningCase {
  const { offload } = input;
  if (offload === null) return { tables, input };
  return { tables, input: { ...input, offload: { ...offload, link: { ...offload.link, ...link } } } };
}

function plansOfExit(planningCase: PlanningCase, exit: number): ScoredPlan[] {
  const { tables, input } = planningCase;
  const { cuts = [], accuracy = 0 } = tables.model.exits[exit - 1] ?? {};
  const partition = cuts.length - 1;
  const headMs = slownessOf(input) * segmentMs(tables.device, exit, 'head', partition);
  const plan: Plan = { exit, partition, direction: 'device-first', encoding: 'f32' };
  const local: ScoredPlan = { plan, totalMs: headMs, accuracy, isLocal: true, headMs, ownMs: headMs };
  if (input.offload === null || tables.worker === null) return [local];
  const remote = cuts
    .slice(0, -1)
    .flatMap((_, p) =>
      input.policy.encodings.flatMap((encoding) => remotePlans(planningCase, { exit, partition: p, encoding })),
    );
  return [...remote, local];
}

/** The input alone may be an image, of a format that the model was measured with and the device knows its times of. */
function imagePlans({ tables, input }: PlanningCase, exit: number, encoding: ImageEncoding): ScoredPlan[] {
  const { imageEncodings = {}, cuts = [] } = tables.model.exits[exit - 1] ?? {};
  const [file, codec] = [imageEncodings[encoding], input.imageCodecMs?.[encoding]];
  if (file === undefined || codec === undefined || input.policy.directions.length === 0) return [];
  const headMs = slownessOf(input) * segmentMs(tables.device, exit, 'head', 0);
  const workerMs = workerFactorOf(input) * segmentMs(tables.worker, exit, 'tail', 0);
  const down = [{ elements: cuts.at(-1)?.[0]?.elements ?? 0, rank: 2 }];
  const bytes: Exchange = { up: [{ elements: file.bytes, rank: 1 }], upAs: 'bytes', down, downAs: 'f32' };
  const totalMs = headMs + workerMs + codec.encodeMs + codec.decodeMs + exchangeMs({ tables, input }, bytes);
  const plan: Plan = { exit, partition: 0, direction: 'device-first', encoding };
  // A rescue waits for the encoding as it does for a head.
  const beforeMs = headMs + codec.encodeMs;
  return [{ plan, totalMs, accuracy: file.accuracy, isLocal: false, headMs: beforeMs, ownMs: headMs }];
}

function remotePlans(planningCase: PlanningCase, place: Omit<Plan, 'direction'>): ScoredPlan[] {
  const { tables, input } = planningCase;
  const { exit, partition, encoding } = place;
  if (isImageEncoding(encoding)) return partition === 0 ? imagePlans(planningCase, exit, encoding) : [];
  const shape = tables.model.exits[exit - 1];
  const f32 = shape?.accuracy ?? 0;
  const accuracy = encoding === 'f32' ? f32 : (shape?.encodedAccuracy?.[encoding]?.[partition] ?? f32);
  const plans: ScoredPlan[] = [];
  if (input.policy.directions.includes('device-first') || partition === 0) {
    const plan = { ...place, encoding, direction: 'device-first' } as const;
    const headMs = slownessOf(input) * segmentMs(tables.device, exit, 'head', partition);
    plans.push({ plan, accuracy, isLocal: false, headMs, ownMs: headMs, totalMs: deviceFirstMs(planningCase, plan) });
  }
  if (input.policy.directions.includes('edge-first') && partition > 0) {
    const plan = { ...place, encoding, direction: 'edge-first' } as const;
    const ownMs = slownessOf(input) * segmentMs(tables.device, exit, 'tail', partition);
    plans.push({ plan, accuracy, isLocal: false, headMs: 0, ownMs, totalMs: edgeFirstMs(planningCase, plan) });
  }
  return plans;
}

type TensorPlan = Plan & { encoding: Encoding };

function deviceFirstMs(planningCase: PlanningCase, { exit, partition, encoding }: TensorPlan): number {
  const { tables, input } = planningCase;
  const cuts = tables.model.exits[exit - 1]?.cuts ?? [];
  const computeMs =
    slownessOf(input) * segmentMs(tables.device, exit, 'head', partition) +
    workerFactorOf(input) * segmentMs(tables.worker, exit, 'tail', partition);
  const output = { elements: cuts.at(-1)?.[0]?.elements ?? 0, rank: 2 };
  return (
    computeMs + exchangeMs(planningCase, { up: cuts[partition] ?? [], upAs: encoding, down: [output], downAs: 'f32' })
  );
}

function edgeFirstMs(planningCase: PlanningCase, { exit, partition, encoding }: TensorPlan): number {
  const { tables, input } = planningCase;
  const cuts = tables.model.exits[exit - 1]?.cuts ?? [];
  const computeMs =
    workerFactorOf(input) * segmentMs(tables.worker, exit, 'head', partition) +
    slownessOf(input) * segmentMs(tables.device, exit, 'tail', partition);
  const [up, down] = [cuts[0] ?? [], cuts[partition] ?? []];
  return computeMs + exchangeMs(planningCase, { up, upAs: encoding, down, downAs: encoding });
}

interface Exchange {
  up: readonly TensorShape[];
  upAs: Encoding | 'bytes';
  down: readonly TensorShape[];
  downAs: Encoding;
}

/** All of T that is no computing. */
function exchangeMs(
  { input: { offload, encodeNs, decodeNs } }: PlanningCase,
  { up, upAs, down, downAs }: Exchange,
): number {
  if (offload === null) return Number.NaN;
  const { link, queueMs } = offload;
  const count = (tensors: readonly TensorShape[]) => tensors.reduce((sum, { elements }) => sum + elements, 0);
  return (
    ((upAs === 'bytes' ? 0 : count(up) * encodeNs[upAs]) + count(down) * decodeNs[downAs]) / 1e6 +
    millisecondsAt(link.uplinkMbps, bytesOnWire(up, upAs, upAt(link.uplinkMbps))) +
    millisecondsAt(link.downlinkMbps, bytesOnWire(down, downAs, wayDown)) +
    link.rttMs +
    queueMs
  );
}

/** What the device's times of the tables are multiplied by. */
function slownessOf({ processorFactor, correction }: PlanningCase['input']): number {
  return correction === undefined ? processorFactor : processorFactor * correction.device;
}

function workerFactorOf({ correction }: PlanningCase['input']): number {
  return correction === undefined ? 1 : correction.worker;
}

/** Of an element of each encoding. */
const elementBytes = { f32: 4, f16: 2, u8: 1, bytes: 1 };
/** A chunk's fields but its dimensions. */
const requestHeaderBytes = { f32: 40, f16: 40, u8: 48, bytes: 40 };
const replyHeaderBytes = { f32: 48, f16: 48, u8: 56, bytes: 48 };
/** MQTT's header with the topic. */
const mqttBytes = 64;
const mostChunkBytes = 16_384;
const longestChunkMs = 150;

/** How tensors go one way. */
interface Way {
  headerBytes: Record<Encoding | 'bytes', number>;
  /** Least payload of a chunk, bytes. */
  leastChunk: number;
  /** The greatest, where that is more than the least. */
  mostChunk: number;
}

const wayDown: Way = { headerBytes: replyHeaderBytes, leastChunk: 1024, mostChunk: mostChunkBytes };

/**
 * The least payload of a chunk is what a link carries in 2 ms, within 4 and 64 KiB; the greatest 16 KiB, halved until the
 * link carries it in 150 ms.
 */
function upAt(mbps: number): Way {
  const inTwoMs = 4 * Math.round((mbps * 2 * 1000) / 8 / 4);
  const leastChunk = Math.min(65_536, Math.max(4096, inTwoMs));
  let mostChunk = mostChunkBytes;
  while (mostChunk > leastChunk && millisecondsAt(mbps, mostChunk) > longestChunkMs) mostChunk /= 2;
  return { headerBytes: requestHeaderBytes, leastChunk, mostChunk };
}

/**
 * Every tensor travels in at least four chunks, unless these fall short of the least chunk; each has a message, a header
 * and the tensor's dimensions of its own, one byte for each and one for each 128-fold of the elements at most.
 */
function bytesOnWire(tensors: readonly TensorShape[], encoding: Encoding | 'bytes', way: Way): number {
  const sizes = tensors.map(({ elements, rank }) => {
    const payload = elementBytes[encoding] * elements;
    const quarter = 4 * Math.ceil(payload / 16);
    const chunk = Math.min(Math.max(quarter, way.leastChunk), Math.max(way.mostChunk, way.leastChunk));
    const chunks = Math.ceil(payload / chunk);
    let dimensionBytes = rank;
    for (let size = 128; size <= elements; size *= 128) dimensionBytes += 1;
    return payload + chunks * (mqttBytes + way.headerBytes[encoding] + dimensionBytes);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A megabit a second is a thousand bits a millisecond. */
function millisecondsAt(mbps: number, bytes: number): number {
  return (8 * bytes) / (1000 * mbps);
}

function segmentMs(table: LatencyTable | null, exit: number, part: 'head' | 'tail', partition: number): number {
  return table?.exits[exit - 1]?.[part][partition]?.medianMs ?? Number.NaN;
}
