import { cutAround, type LayerGraph } from '../model/layer-set.ts';
import { chunkLimitsFor } from '../protocol/chunking.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import type { Direction } from '../protocol/tensor-frame.ts';
import { FleetError } from '../runtime/errors.ts';
import type { Prediction, TensorShape } from './plan.ts';
import type { PlanningInput } from './predict.ts';
import { replyBytes, requestBytes, transferMs } from './wire-bytes.ts';

/** A layer and what it takes on each tier by that tier's profile, ms. */
export interface TimedLayer {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** ED. */
  readonly deviceMs: number;
  /** ES; anything where there is no worker. */
  readonly workerMs: number;
}

/** All that the partition of one branch depends on. */
export interface DagPlanningInput extends Pick<PlanningInput, 'processorFactor' | 'encodeNs'> {
  readonly graph: LayerGraph<TimedLayer>;
  /** Every tensor that the graph names, D and Input. */
  readonly tensors: ReadonlyMap<string, TensorShape>;
  /** Tensors that hold other than floats, which no message carries; absent: there are none. */
  readonly unsendable?: ReadonlySet<string>;
  /** What one call of the runtime costs apart from its layers, on each tier that has any, ms. */
  readonly callMs: { readonly device: number; readonly worker: number };
  /** Null: nobody to offload to. */
  readonly offload: Pick<NonNullable<PlanningInput['offload']>, 'queueMs' | 'link'> | null;
  /** Nanoseconds to decode one element on this device. */
  readonly decodeNs: Readonly<Record<Encoding, number>>;
}

/**
 * Which layers run where, and how the tensors between them travel. Each is written in one way only: device-only as
 * device-first with all layers in f32, edge-only as device-first with none.
 */
export interface DagPlan {
  /** Indices, 1..N, of the layers on the first tier; with each all that it reads from. */
  readonly firstTier: ReadonlySet<number>;
  readonly direction: Direction;
  /** Of all that goes up; edge-first also of the cut that comes back. The exit's output comes back in f32. */
  readonly encoding: Encoding;
}

/** What travels, by name. */
interface Traffic {
  uploads: readonly string[];
  replies: readonly string[];
  replyEncoding: Encoding;
}

/**
 * T(plan) as Algorithm 1 has it, for any closed set of layers on the first tier. Half of the rtt counts as upload,
 * half as download, and decoding as download.
 * @returns undefined where the plan needs a worker and none is there, or would send a tensor that cannot travel
 * @throws {FleetError} `layer-unknown`, `layers-not-closed`, `planning-input-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1: A(i,p)
 */
export function predictDag(input: DagPlanningInput, plan: DagPlan): Prediction | undefined {
  const { graph, offload } = input;
  const traffic = trafficOf(graph, plan);
  const isOnDevice = (index: number): boolean => plan.firstTier.has(index) === (plan.direction === 'device-first');
  const onDevice = graph.layers.filter((_, position) => isOnDevice(position + 1));
  const onWorker = graph.layers.filter((_, position) => !isOnDevice(position + 1));
  const device = callOf(onDevice, input.callMs.device, ({ deviceMs }) => deviceMs) * input.processorFactor;
  if (onWorker.length === 0) {
    const breakdownMs = { device, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 };
    return { breakdownMs, totalMs: device, uploadBytes: 0 };
  }
  if (offload === null || !canTravel(input, traffic)) return undefined;
  const { link, queueMs } = offload;
  const uploads = shapesOf(input, traffic.uploads);
  const replies = shapesOf(input, traffic.replies);
  const uploadBytes = requestBytes(uploads, plan.encoding, chunkLimitsFor(link.uplinkMbps));
  const replyMs = transferMs(replyBytes(replies, traffic.replyEncoding), link.downlinkMbps);
  const breakdownMs = {
    device,
    encode: codecMs(uploads, input.encodeNs[plan.encoding]),
    upload: transferMs(uploadBytes, link.uplinkMbps) + link.rttMs / 2,
    queue: queueMs,
    worker: callOf(onWorker, input.callMs.worker, ({ workerMs }) => workerMs),
    download: replyMs + link.rttMs / 2 + codecMs(replies, input.decodeNs[traffic.replyEncoding]),
  };
  const totalMs = Object.values(breakdownMs).reduce((sum, part) => sum + part, 0);
  return { breakdownMs, totalMs, uploadBytes };
}

/** Device-first the cut goes up and the exit's output comes down; edge-first inputs go up and the cut comes down. */
function trafficOf(graph: LayerGraph, { firstTier, direction, encoding }: DagPlan): Traffic {
  const cut = cutAround(graph, firstTier);
  if (direction === 'device-first') return { uploads: cut, replies: [graph.exit], replyEncoding: 'f32' };
  const read = new Set(graph.layers.flatMap(({ inputs }, position) => (firstTier.has(position + 1) ? inputs : [])));
  const uploads = graph.inputs.filter((name) => read.has(name));
  if (firstTier.size === graph.layers.length) return { uploads, replies: cut, replyEncoding: 'f32' };
  // The device has the inputs already, whoever else reads them.
  return { uploads, replies: cut.filter((name) => !graph.inputs.includes(name)), replyEncoding: encoding };
}

function canTravel({ unsendable }: DagPlanningInput, { uploads, replies }: Traffic): boolean {
  return unsendable === undefined || [...uploads, ...replies].every((name) => !unsendable.has(name));
}

function callOf(layers: readonly TimedLayer[], callMs: number, msOf: (layer: TimedLayer) => number): number {
  return layers.length === 0 ? 0 : layers.reduce((sum, layer) => sum + msOf(layer), callMs);
}

function codecMs(tensors: readonly TensorShape[], elementNs: number): number {
  return (tensors.reduce((sum, { elements }) => sum + elements, 0) * elementNs) / 1e6;
}

function shapesOf({ tensors }: DagPlanningInput, names: readonly string[]): TensorShape[] {
  return names.map((name) => shapeOf(tensors, name));
}

/** @throws {FleetError} `planning-input-invalid` */
export function shapeOf(tensors: DagPlanningInput['tensors'], name: string): TensorShape {
  const shape = tensors.get(name);
  if (shape === undefined) {
    throw new FleetError('planning-input-invalid', `tensor ${JSON.stringify(name)}: expected its shape, got none`);
  }
  return shape;
}
