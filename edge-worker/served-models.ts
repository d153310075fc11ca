import { type CutTensor, describeModel } from '../shared/model/describe-model.ts';
import type { ModelGraph } from '../shared/model/graph.ts';
import type { TensorShapes } from '../shared/model/shapes.ts';
import { createDurationEstimate, type DurationEstimate } from './duration-estimate.ts';

/** Layers p+1..N of one branch: what this worker runs for the plan (exit, p). */
export interface Tail {
  /** Names it in the inference threads. */
  readonly key: string;
  readonly model: ServedModel;
  readonly exitName: string;
  readonly partition: number;
  /** N */
  readonly layers: number;
  /** What a request must carry, in this order; all float32. */
  readonly inputs: readonly CutTensor[];
  /** The tensor that it answers with. */
  readonly output: string;
  /** From handing the tensors to a thread to having the result back. */
  readonly duration: DurationEstimate;
}

/** A model that is ready to be cut and run. */
export interface ServedModel {
  readonly digest: string;
  readonly graph: ModelGraph;
  readonly shapes: TensorShapes;
  /** By exit (in the file's order), then by partition 0..N-1; undefined where the cut holds other than floats. */
  readonly tails: readonly (readonly (Tail | undefined)[])[];
}

/** The models that this worker serves, found by the eight digest bytes that a tensor frame carries. */
export interface ServedModels {
  get(digest: string): ServedModel | undefined;
  /** @param model the 16 hexadecimal digits of a frame */
  find(model: string): ServedModel | undefined;
  add(model: ServedModel): void;
  /** @returns the models that are no longer served */
  keepOnly(digests: readonly string[]): ServedModel[];
}

/** @param shapes of every tensor, as a run has shown them @throws {FleetError} `model-graph-invalid` */
export function describeServedModel(digest: string, graph: ModelGraph, shapes: TensorShapes): ServedModel {
  const tails: (Tail | undefined)[][] = [];
  const model: ServedModel = { digest, graph, shapes, tails };
  for (const { exit, layers, cuts } of describeModel(graph, shapes).branches) {
    const ofExit = cuts.slice(0, -1).map(({ partition, tensors }): Tail | undefined => {
      if (tensors.some(({ dtype }) => dtype !== 'float32')) return undefined;
      return {
        key: `${digest}/${exit}/${partition}`,
        model,
        exitName: exit,
        partition,
        layers: layers.length,
        inputs: tensors,
        output: exit,
        duration: createDurationEstimate(),
      };
    });
    tails.push(ofExit);
  }
  return model;
}

export function createServedModels(): ServedModels {
  const byFrame = new Map<string, ServedModel>();
  return {
    get: (digest) => byFrame.get(frameName(digest)),
    find: (model) => byFrame.get(model),
    add: (model) => void byFrame.set(frameName(model.digest), model),
    keepOnly(digests) {
      const kept = new Set(digests);
      const gone = [...byFrame.values()].filter(({ digest }) => !kept.has(digest));
      for (const { digest } of gone) byFrame.delete(frameName(digest));
      return gone;
    },
  };
}

function frameName(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 16);
}
