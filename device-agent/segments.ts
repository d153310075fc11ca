import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import type { CutTensor, ModelDescription } from '../shared/model/describe-model.ts';
import type { ModelGraph } from '../shared/model/graph.ts';
import type { TensorShapes } from '../shared/model/shapes.ts';
import { extractTensors } from '../shared/model/split.ts';
import type { Tensor, Tensors } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { createThreadWork } from './thread-work.ts';

/** Of a plan, what says which layers are the device's: device-first the first p, edge-first those behind them. */
export interface DevicePart extends Pick<Plan, 'exit' | 'partition' | 'direction'> {
  /** A cut of an exit that shares these layers, whose tensors are given as well. */
  readonly tap?: Pick<Plan, 'exit' | 'partition'>;
}

/**
 * The layers that plans leave to this device, loaded as they are needed; device-first with p = N is the whole branch.
 * INVARIANT: what lies between the same tensors is one segment: exits share their first layers.
 */
export interface Segments {
  /** @returns the name of what a plan leaves to this device: plans with the same one run the same layers here */
  nameOf(part: DevicePart): string;
  has(part: DevicePart): boolean;
  /** Loads a segment, and where a slower processor is emulated times it, so that it can be stretched. */
  prepare(part: DevicePart): Promise<void>;
  /** Frees a segment; what runs of it ends first. */
  release(part: DevicePart): Promise<void>;
  /** @returns what runs on from the tensors that a head gives, one an exit that shares them; nothing where none was run */
  continuing(head: DevicePart): readonly DevicePart[];
  /** @returns whether these are tensors that the segment of a plan can be given */
  takes(part: DevicePart, tensors: readonly Tensor[]): boolean;
  /**
   * @param tensors the model's input, which is copied, the caller keeps it; edge-first those of the cut, given away
   * @returns the tensors of the cut, in the cut's order; edge-first the exit's output
   */
  run(part: DevicePart, tensors: readonly Tensor[], options?: SegmentRunOptions): Promise<SegmentRun>;
  /** For how long the thread still runs and loads what it was given, by what the same, or another load, took before, ms. */
  busyMs(): number;
}

export interface SegmentRunOptions {
  /** Goes before what is not. */
  urgent?: boolean;
  /** Withdraws a run that has not begun: it fails with `inference-cancelled`. */
  signal?: AbortSignal;
}

export interface SegmentRun {
  tensors: Tensor[];
  /** Those of the tapped cut, in its order; some may be the same. */
  tapped: Tensor[];
  /** With the waiting of an emulated processor, ms. */
  computeMs: number;
  /** The runtime's own time, ms. */
  runtimeMs: number;
}

export interface SegmentsOptions {
  graph: ModelGraph;
  description: ModelDescription;
  shapes: TensorShapes;
  thread: InferenceThread;
  /** 1: no slower processor is emulated. */
  processorFactor: number;
  clock: Pick<Clock, 'nowMs'>;
}

interface Segment {
  key: string;
  inputs: readonly CutTensor[];
  outputs: readonly CutTensor[];
  /** Given as well. */
  tapped: readonly CutTensor[];
  /** The tensors that it is given are those that it gives. */
  isEmpty: boolean;
}

/** With the gaps that segments are profiled with: an emulated processor is to be as slow as a profile takes it to be. */
const timing = { warmUp: 3, runs: 15, gapMs: 2 };

export function createSegments(options: SegmentsOptions): Segments {
  const { graph, description, shapes, thread, processorFactor, clock } = options;
  const work = createThreadWork(clock);
  const ownTimeMs = new Map<string, number>();
  const segmentOf = (part: DevicePart): Segment => findSegment(description, part);
  const tails = tailsByCut(description);

  async function load({ key, inputs, outputs, tapped }: Segment): Promise<void> {
    const ends = { inputs: inputs.map(tensorName), outputs: namesOfAll(outputs, tapped), shapes };
    const file = extractTensors(graph, ends);
    await work.track('load', 0, async () => ({ computeMs: (await thread.load(key, file)).loadMs }));
  }

  async function timeSegment({ key, inputs }: Segment): Promise<void> {
    const noise = inputs.map(({ dims, elements }) => ({ data: Float32Array.from({ length: elements }, sine), dims }));
    await work.track('time', 0, async () => {
      const { minMs, medianMs } = await thread.measure(key, byName(inputs, noise), timing);
      // The least of its runs: what other processes on this machine take from it is no part of its own time.
      ownTimeMs.set(key, minMs);
      return { computeMs: (timing.warmUp + timing.runs) * (medianMs + timing.gapMs) };
    });
  }

  return {
    nameOf: (part) => segmentOf(part).key,
    has(part) {
      const { key, isEmpty } = segmentOf(part);
      return isEmpty || (thread.has(key) && (processorFactor === 1 || ownTimeMs.has(key)));
    },
    async prepare(part) {
      const segment = segmentOf(part);
      if (segment.isEmpty) return;
      if (!thread.has(segment.key)) await load(segment);
      if (processorFactor > 1 && !ownTimeMs.has(segment.key)) await timeSegment(segment);
    },
    async release(part) {
      const { key } = segmentOf(part);
      if (thread.has(key)) await thread.unload(key);
    },
    continuing(head) {
      if (head.direction !== 'device-first') return [];
      return tails.get(namesOf(segmentOf(head).outputs)) ?? [];
    },
    takes: (part, tensors) => haveShapes(segmentOf(part).inputs, tensors),
    async run(part, tensors, { urgent = false, signal } = {}) {
      const { key, inputs, outputs, tapped, isEmpty } = segmentOf(part);
      if (isEmpty) return { tensors: [...tensors], tapped: [], computeMs: 0, runtimeMs: 0 };
      const given = part.direction === 'device-first' ? tensors.map(copyOf) : tensors;
      const minimumMs = processorFactor > 1 ? processorFactor * (ownTimeMs.get(key) ?? 0) : 0;
      const result = await work.track(key, minimumMs, () =>
        thread.run(key, byName(inputs, given), {
          minimumMs,
          priority: urgent ? 'urgent' : 'normal',
          ...(signal && { signal }),
        }),
      );
      const { computeMs, runtimeMs } = result;
      const ofOutputs = ({ name }: CutTensor): Tensor => requireOutput(result.outputs, name);
      return { tensors: outputs.map(ofOutputs), tapped: tapped.map(ofOutputs), computeMs, runtimeMs };
    },
    busyMs: work.remainingMs,
  };
}

function findSegment({ branches }: ModelDescription, { exit, partition, direction, tap }: DevicePart): Segment {
  const cuts = branches[exit - 1]?.cuts ?? [];
  const cut = cuts[partition];
  if (cut === undefined) throw new FleetError('partition-out-of-range', `exit ${exit} has no partition ${partition}`);
  const [from, to] = direction === 'device-first' ? [cuts[0], cut] : [cut, cuts.at(-1)];
  const inputs = from?.tensors ?? [];
  const outputs = to?.tensors ?? [];
  const tapped = tap === undefined ? [] : (branches[tap.exit - 1]?.cuts[tap.partition]?.tensors ?? []);
  return {
    key: JSON.stringify([inputs.map(tensorName), namesOfAll(outputs, tapped)]),
    inputs,
    outputs,
    tapped,
    isEmpty: from === to,
  };
}

/** @returns by the tensors of a cut what lies behind it in each branch that has it, shallowest exit first */
function tailsByCut({ branches }: ModelDescription): Map<string, DevicePart[]> {
  const tails = new Map<string, DevicePart[]>();
  for (const [index, { cuts }] of branches.entries()) {
    for (const { partition, tensors } of cuts.slice(1, -1)) {
      const names = namesOf(tensors);
      const tail: DevicePart = { exit: index + 1, partition, direction: 'edge-first' };
      tails.set(names, [...(tails.get(names) ?? []), tail]);
    }
  }
  return tails;
}

function namesOf(tensors: readonly CutTensor[]): string {
  return JSON.stringify(tensors.map(tensorName));
}

/** @returns each name once: where all that is tapped lies in the cut, the segment is that without a tap */
function namesOfAll(outputs: readonly CutTensor[], tapped: readonly CutTensor[]): string[] {
  return [...new Set([...outputs, ...tapped].map(tensorName))];
}

function tensorName({ name }: CutTensor): string {
  return name;
}

function sine(_: unknown, index: number): number {
  return Math.sin(index);
}

function copyOf({ data, dims }: Tensor): Tensor {
  return { data: data.slice(), dims };
}

function haveShapes(wanted: readonly CutTensor[], tensors: readonly Tensor[]): boolean {
  const fits = ({ dims }: CutTensor, given: Tensor | undefined): boolean =>
    given !== undefined && given.dims.length === dims.length && dims.every((size, axis) => size === given.dims[axis]);
  return tensors.length === wanted.length && wanted.every((tensor, index) => fits(tensor, tensors[index]));
}

function byName(inputs: readonly CutTensor[], tensors: readonly Tensor[]): Tensors {
  return Object.fromEntries(
    inputs.flatMap(({ name }, index) => {
      const tensor = tensors[index];
      return tensor === undefined ? [] : [[name, tensor]];
    }),
  );
}

function requireOutput(outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new FleetError('inference-failed', `the segment gave no tensor ${name}`);
  return tensor;
}
