import type { InferenceThread } from '../../shared/adapters/inference-thread.ts';
import { branchOf } from '../../shared/model/branches.ts';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import { extractSegment, splitBranch } from '../../shared/model/split.ts';
import type { Tensor, Tensors } from '../../shared/model/tensor.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { decodeTensor, encodedBytes, encodeTensor } from '../../shared/protocol/tensor-encoding.ts';

/** Which computation answers for which exits. */
export interface Route {
  readonly exits: readonly string[];
  /** ONNX files that run one after the other; between two of them the cut is encoded and decoded. */
  readonly segments: readonly Uint8Array[];
  /** Whether what the first segment is given has travelled as well. */
  readonly encodesInput: boolean;
  readonly encoding: Encoding;
}

/** @returns the route that runs one exit's branch, whole */
export function branchRoute({ graph }: ModelPackage, exit: string): Route {
  const { layers } = branchOf(graph, exit);
  const whole = extractSegment(graph, exit, [0, layers.length]);
  return { exits: [exit], segments: [whole], encodesInput: false, encoding: 'f32' };
}

/** @returns the route that runs one exit's head, encodes the cut, and runs its tail */
export function splitRoute({ graph }: ModelPackage, exit: string, partition: number, encoding: Encoding): Route {
  const { head, tail } = splitBranch(graph, exit, partition);
  const segments = [head, tail].filter((half) => half !== null);
  return { exits: [exit], segments, encodesInput: head === null, encoding };
}

/** @returns the route that gives all exits by one run of the whole model */
export function modelRoute({ bytes, graph }: ModelPackage): Route {
  return { exits: graph.exits, segments: [bytes], encodesInput: false, encoding: 'f32' };
}

/** Loads a route's segments; a thread holds one route at a time. */
export async function loadRoute(thread: InferenceThread, route: Route): Promise<void> {
  for (const [index, segment] of route.segments.entries()) {
    await thread.unload(keyOf(index));
    await thread.load(keyOf(index), segment);
  }
}

/** @param inputs given away @returns the exits' outputs */
export async function runRoute(thread: InferenceThread, route: Route, inputs: Tensors): Promise<Tensors> {
  let tensors = inputs;
  for (const index of route.segments.keys()) {
    if (index > 0 || route.encodesInput) tensors = travel(tensors, route.encoding);
    tensors = (await thread.run(keyOf(index), tensors)).outputs;
  }
  return tensors;
}

/** @returns the median time of one image through all segments on one thread, without the encoding */
export async function measureRoute(thread: InferenceThread, route: Route, input: Tensors): Promise<number> {
  let tensors = input;
  let totalMs = 0;
  for (const index of route.segments.keys()) {
    const { medianMs } = await thread.measure(keyOf(index), copied(tensors), { warmUp: 3, runs: 20, gapMs: 0 });
    totalMs += medianMs;
    tensors = (await thread.run(keyOf(index), tensors)).outputs;
  }
  return totalMs;
}

function keyOf(index: number): string {
  return `segment ${index}`;
}

/** @returns the same tensors in buffers of their own, to be given away */
export function copied(tensors: Tensors): Tensors {
  return mapTensors(tensors, ({ data, dims }) => ({ data: data.slice(), dims }));
}

/** Encodes and decodes each image of a batch by itself, as a device sends it. */
export function travel(tensors: Tensors, encoding: Encoding): Tensors {
  if (encoding === 'f32') return tensors;
  return mapTensors(tensors, ({ data, dims }) => {
    const images = dims[0] ?? 1;
    const elements = data.length / images;
    const arrived = new Float32Array(data.length);
    const wire = new Uint8Array(encodedBytes(encoding, elements));
    for (let image = 0; image < images; image += 1) {
      const range = [image * elements, (image + 1) * elements] as const;
      const parameters = encodeTensor(data.subarray(...range), encoding, wire);
      decodeTensor(wire, encoding, parameters, arrived.subarray(...range));
    }
    return { data: arrived, dims };
  });
}

function mapTensors(tensors: Tensors, change: (tensor: Tensor) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor)]));
}
