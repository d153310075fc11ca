import { type CutTensor, type DescribedCut, describeModel } from '../shared/model/describe-model.ts';
import type { ModelGraph } from '../shared/model/graph.ts';
import type { Preprocessing } from '../shared/model/manifest.ts';
import type { TensorShape, TensorShapes } from '../shared/model/shapes.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { Direction } from '../shared/protocol/tensor-frame.ts';
import { type BatchCosts, createBatchCosts } from './batch-costs.ts';
import { createDurationEstimate, type DurationEstimate } from './duration-estimate.ts';

/**
 * What this worker runs for a plan: device-first the layers behind the cut, edge-first those before it.
 * INVARIANT: plans whose segments lie between the same tensors share one: exits have their first layers in common.
 */
export interface Segment {
  /** Names it in the inference threads. */
  readonly key: string;
  readonly model: ServedModel;
  /** What a request must carry, in this order; all float32. */
  readonly inputs: readonly CutTensor[];
  /** What it is answered with, in this order; all float32. */
  readonly outputs: readonly CutTensor[];
  /** What one request keeps a thread busy for. */
  readonly duration: DurationEstimate;
  /** Of several requests in one run; undefined where the first axis of its tensors is not the batch. */
  readonly batches: BatchCosts | undefined;
}

/** By partition 0..N; undefined where nothing is left for the worker or a cut holds other than floats. */
type SegmentsByPartition = readonly (Segment | undefined)[];

/** A model that is ready to be cut and run. */
export interface ServedModel {
  readonly digest: string;
  readonly graph: ModelGraph;
  readonly shapes: TensorShapes;
  /** How an image becomes the input, as the manifest said when the model was loaded; absent: images are not taken. */
  readonly preprocessing?: Preprocessing;
  /** In the file's order. */
  readonly exits: readonly Readonly<Record<Direction, SegmentsByPartition>>[];
}

/** The models that this worker serves, found by the eight digest bytes that a tensor frame carries. */
export interface ServedModels {
  get(digest: string): ServedModel | undefined;
  /** @param model the 16 hexadecimal digits of a frame */
  find(model: string): ServedModel | undefined;
  all(): ServedModel[];
  /** How often a frame has named it since it was added. */
  asked(digest: string): number;
  add(model: ServedModel): void;
  remove(digest: string): void;
}

/** @param shapes of every tensor, as a run has shown them @throws {FleetError} `model-graph-invalid` */
export function describeServedModel(
  digest: string,
  graph: ModelGraph,
  shapes: TensorShapes,
  preprocessing?: Preprocessing,
): ServedModel {
  const exits: Record<Direction, SegmentsByPartition>[] = [];
  const model: ServedModel = { digest, graph, shapes, exits, ...(preprocessing && { preprocessing }) };
  const known = new Map<string, Segment>();
  const between = (from: DescribedCut | undefined, to: DescribedCut | undefined): Segment | undefined => {
    if (from === undefined || to === undefined || !holdsFloats(from) || !holdsFloats(to)) return undefined;
    const key = JSON.stringify([digest, namesOf(from), namesOf(to)]);
    const segment = known.get(key) ?? newSegment({ key, model, inputs: from.tensors, outputs: to.tensors });
    known.set(key, segment);
    return segment;
  };
  for (const { cuts } of describeModel(graph, shapes).branches) {
    const last = cuts.length - 1;
    exits.push({
      'device-first': cuts.map((cut, partition) => (partition < last ? between(cut, cuts[last]) : undefined)),
      // The first tier running all N layers is what device-first calls partition 0.
      'edge-first': cuts.map((cut, partition) => (partition % last === 0 ? undefined : between(cuts[0], cut))),
    });
  }
  return model;
}

/** @returns what the worker runs for a plan; undefined where that is nothing or there is no such plan */
export function segmentOf(
  { exits }: ServedModel,
  { exit, partition, direction }: Pick<Plan, 'exit' | 'partition' | 'direction'>,
): Segment | undefined {
  return exits[exit - 1]?.[direction][partition];
}

/** @returns every segment once */
export function segmentsOf({ exits }: ServedModel): Segment[] {
  const all = exits.flatMap((exit) => [...exit['device-first'], ...exit['edge-first']]);
  return [...new Set(all)].filter((segment) => segment !== undefined);
}

export function createServedModels(): ServedModels {
  const byFrame = new Map<string, { model: ServedModel; asked: number }>();
  return {
    get: (digest) => byFrame.get(frameName(digest))?.model,
    find(name) {
      const entry = byFrame.get(name);
      if (entry !== undefined) entry.asked += 1;
      return entry?.model;
    },
    all: () => [...byFrame.values()].map(({ model }) => model),
    asked: (digest) => byFrame.get(frameName(digest))?.asked ?? 0,
    add(model) {
      const name = frameName(model.digest);
      if (byFrame.get(name)?.model !== model) byFrame.set(name, { model, asked: 0 });
    },
    remove: (digest) => void byFrame.delete(frameName(digest)),
  };
}

function newSegment(about: Pick<Segment, 'key' | 'model' | 'inputs' | 'outputs'>): Segment {
  const { model, inputs, outputs } = about;
  const duration = createDurationEstimate();
  const isBatched = [...inputs, ...outputs].every(({ name }) => growsAlongFirstAxis(model.shapes.get(name)));
  return { ...about, duration, batches: isBatched ? createBatchCosts(duration) : undefined };
}

/** Whether tensors of several requests can be put behind each other. */
function growsAlongFirstAxis(shape: TensorShape | undefined): boolean {
  return shape?.batchAxes.length === 1 && shape.batchAxes[0] === 0;
}

function holdsFloats({ tensors }: DescribedCut): boolean {
  return tensors.every(({ dtype }) => dtype === 'float32');
}

function namesOf({ tensors }: DescribedCut): string[] {
  return tensors.map(({ name }) => name);
}

function frameName(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 16);
}
