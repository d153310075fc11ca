/**
 * The partition of a branch that is no chain, over all its cuts: any set S of layers that holds with each layer those
 * it reads from runs on the first tier, the rest on the second. There can be exponentially many, and Algorithm 1 sees
 * only those that are a prefix of the execution order. T is least at a minimum cut of this network, whose source side
 * holds the layers of S:
 *
 *   source → layer            its time on the second tier, paid where S lacks it
 *   layer → sink              its time on the first tier, paid where S holds it
 *   layer → each maker        infinite: S is closed
 *   maker → tensor            its way between the tiers, paid once where S holds its maker and lacks a reader
 *   tensor → each reader      infinite
 *   device-first, of inputs:  source → input, its way up, paid where S lacks a reader; input → each reader, infinite
 *   edge-first, of inputs:    input → sink, its way up, paid where S holds a reader; each reader → input, infinite
 *
 * The exit's way down is part of the worker's time for the layer that makes it. The way of a tensor that cannot travel
 * is infinite.
 */
import { makersOf } from '../model/layer-set.ts';
import { chunkLimitsFor } from '../protocol/chunking.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import type { Direction } from '../protocol/tensor-frame.ts';
import { FleetError } from '../runtime/errors.ts';
import { type DagPlan, type DagPlanningInput, predictDag, shapeOf } from './dag-plan.ts';
import { type FlowEdge, type FlowNetwork, minimumCut } from './min-cut.ts';
import type { Prediction } from './plan.ts';
import { replyBytes, requestBytes, transferMs } from './wire-bytes.ts';

/** A policy's, or a part of it. */
export interface AllowedWays {
  readonly directions: readonly Direction[];
  readonly encodings: readonly Encoding[];
}

export interface DagPartition {
  readonly plan: DagPlan;
  readonly prediction: Prediction;
}

/**
 * The plan of least T of one branch, over all closed sets of layers and all allowed directions and encodings.
 * Device-only is always allowed, and edge-only in either direction.
 * @returns of plans that take equally long, device-only, else the one whose direction and encoding come first
 * @throws {FleetError} `planning-input-invalid` for a time or a rate that is no finite number of at least 0, and for a
 *   tensor without a shape
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1, line 8, whose argmin is over partition points alone
 */
export function partitionDag(input: DagPlanningInput, allowed: AllowedWays): DagPartition {
  checkTimes(input);
  const all = new Set(input.graph.layers.map((_, position) => position + 1));
  const deviceOnly: DagPlan = { firstTier: all, direction: 'device-first', encoding: 'f32' };
  const offloading = allowed.directions.flatMap((direction) =>
    allowed.encodings.flatMap((encoding) => [edgeOnly(encoding), ...leastOfBothTiers(input, { direction, encoding })]),
  );
  return leastOf(input, [deviceOnly, ...offloading]);
}

/**
 * @param plans at least one of them device-only
 * @returns the one of least T, of equal ones the first; what needs a worker that is not there is out, and what would
 *   send a tensor that cannot travel
 * @throws {FleetError} `layer-unknown`, `layers-not-closed`, `planning-input-invalid`
 */
export function leastOf(input: DagPlanningInput, plans: readonly DagPlan[]): DagPartition {
  const candidates = plans.flatMap((plan) => {
    const prediction = predictDag(input, plan);
    return prediction === undefined ? [] : { plan, prediction };
  });
  return candidates.reduce((best, next) => (next.prediction.totalMs < best.prediction.totalMs ? next : best));
}

function edgeOnly(encoding: Encoding): DagPlan {
  return { firstTier: new Set(), direction: 'device-first', encoding };
}

type Way = Pick<DagPlan, 'direction' | 'encoding'>;

/**
 * What is paid once (rtt, queue, one call on each tier) is the same for all plans that use both tiers: the cut need
 * not know it, for the plans of one tier are compared apart.
 * @returns nothing where the least cut leaves one tier idle, and so no plan of both can be better
 */
function leastOfBothTiers(input: DagPlanningInput, way: Way): DagPlan[] {
  if (input.offload === null) return [];
  const side = minimumCut(networkOf(input, input.offload, way));
  const all = input.graph.layers.map((_, position) => position + 1);
  const firstTier = new Set(all.filter((index) => side.has(layerNode(index))));
  return firstTier.size === 0 || firstTier.size === all.length ? [] : [{ firstTier, ...way }];
}

const source = 0;
const sink = 1;
const layerNode = (index: number): number => index + 1;

function networkOf(input: DagPlanningInput, offload: NonNullable<DagPlanningInput['offload']>, way: Way): FlowNetwork {
  const { graph } = input;
  const ways = transfersOf(input, offload, way.encoding);
  const edges = timeEdges(input, way, ways.downMs(graph.exit, 'f32'));
  const makers = makersOf(graph.layers);
  let nodeCount = graph.layers.length + 2;
  for (const [name, readers] of readersOf(input)) {
    const maker = makers.get(name);
    const tensor = nodeCount++;
    if (maker === undefined && way.direction === 'edge-first') {
      edges.push(...readers.map((reader) => uncut(layerNode(reader), tensor)));
      edges.push({ from: tensor, to: sink, capacity: ways.upMs(name) });
      continue;
    }
    const from = maker === undefined ? source : layerNode(maker);
    const capacity = way.direction === 'device-first' ? ways.upMs(name) : ways.downMs(name, way.encoding);
    edges.push({ from, to: tensor, capacity }, ...readers.map((reader) => uncut(tensor, layerNode(reader))));
    if (maker !== undefined) edges.push(...readers.map((reader) => uncut(layerNode(reader), from)));
  }
  return { nodeCount, source, sink, edges };
}

function timeEdges({ graph, processorFactor }: DagPlanningInput, { direction }: Way, exitDownMs: number): FlowEdge[] {
  return graph.layers.flatMap(({ outputs, deviceMs, workerMs }, position) => {
    const node = layerNode(position + 1);
    const onDevice = deviceMs * processorFactor;
    const onWorker = workerMs + (outputs.includes(graph.exit) ? exitDownMs : 0);
    const [first, second] = direction === 'device-first' ? [onDevice, onWorker] : [onWorker, onDevice];
    return [
      { from: source, to: node, capacity: second },
      { from: node, to: sink, capacity: first },
    ];
  });
}

/** What one tensor's way costs each way, encoding or decoding included, ms; infinite where it cannot travel. */
function transfersOf(
  { tensors, unsendable, encodeNs, decodeNs }: DagPlanningInput,
  { link }: NonNullable<DagPlanningInput['offload']>,
  encoding: Encoding,
) {
  const limits = chunkLimitsFor(link.uplinkMbps);
  return {
    upMs: (name: string): number => {
      if (unsendable?.has(name)) return Number.POSITIVE_INFINITY;
      const shape = shapeOf(tensors, name);
      const bytes = requestBytes([shape], encoding, limits);
      return transferMs(bytes, link.uplinkMbps) + (shape.elements * encodeNs[encoding]) / 1e6;
    },
    downMs: (name: string, replyEncoding: Encoding): number => {
      if (unsendable?.has(name)) return Number.POSITIVE_INFINITY;
      const shape = shapeOf(tensors, name);
      const bytes = replyBytes([shape], replyEncoding);
      return transferMs(bytes, link.downlinkMbps) + (shape.elements * decodeNs[replyEncoding]) / 1e6;
    },
  };
}

function uncut(from: number, to: number): FlowEdge {
  return { from, to, capacity: Number.POSITIVE_INFINITY };
}

/** @returns the indices of the layers that read each tensor */
function readersOf({ graph }: DagPlanningInput): Map<string, number[]> {
  const readers = new Map<string, number[]>();
  for (const [position, { inputs }] of graph.layers.entries()) {
    for (const name of inputs) readers.set(name, [...(readers.get(name) ?? []), position + 1]);
  }
  return readers;
}

function checkTimes({ graph, callMs, processorFactor, offload, encodeNs, decodeNs }: DagPlanningInput): void {
  requireTime('callMs of the device', callMs.device);
  requireTime('processorFactor', processorFactor);
  for (const [position, { deviceMs }] of graph.layers.entries())
    requireTime(`deviceMs of layer ${position + 1}`, deviceMs);
  if (offload === null) return;
  for (const [position, { workerMs }] of graph.layers.entries())
    requireTime(`workerMs of layer ${position + 1}`, workerMs);
  requireTime('callMs of the worker', callMs.worker);
  requireTime('queueMs', offload.queueMs);
  requireTime('rttMs', offload.link.rttMs);
  // At a rate of 0 or less a byte takes for ever.
  requireTime('uplinkMbps: ms a byte', transferMs(1, offload.link.uplinkMbps));
  requireTime('downlinkMbps: ms a byte', transferMs(1, offload.link.downlinkMbps));
  for (const ns of [encodeNs, decodeNs]) requireTime('ns to encode or decode an element', ns.f32 + ns.f16 + ns.u8);
}

function requireTime(name: string, value: number): void {
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  throw new FleetError('planning-input-invalid', `${name}: expected a finite number of at least 0, got ${value}`);
}
