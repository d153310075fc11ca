import type { InferenceThread } from '../../shared/adapters/inference-thread.ts';
import { branchOf } from '../../shared/model/branches.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { ModelGraph } from '../../shared/model/graph.ts';
import type { EncodedAccuracy } from '../../shared/model/manifest.ts';
import { extractTensors } from '../../shared/model/split.ts';
import type { Tensors } from '../../shared/model/tensor.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { copied, travel } from './evaluate-branch.ts';
import { accuracyOf, greatest, type ImageBatch, type ImageRun, runBatches } from './evaluate-images.ts';

export interface CutRun extends ImageRun {
  readonly graph: ModelGraph;
  readonly exits: readonly string[];
}

/** The labels that an exit gives all images, by encoding and partition point 0..N−1. */
export type CutPredictions = Readonly<Record<LossyEncoding, readonly Uint16Array[]>>;

type LossyEncoding = Exclude<Encoding, 'f32'>;

const lossyEncodings: readonly LossyEncoding[] = ['f16', 'u8'];

/** How many tails are loaded at a time: this bounds the memory that deep models take. */
const cutsPerPass = 25;

/** Sessions that a thread must be able to hold: the tails of a pass and their head. */
export const sessionsPerPass = cutsPerPass + 1;

/**
 * What each exit answers with the cut encoded, at every partition point and in every encoding that loses digits; in f32
 * a cut gives the branch's own labels. What exits share is run once: one head gives all cuts of a pass, and the tail
 * behind a cut answers for all exits that have this cut.
 * @returns by exit
 * @throws {FleetError} what cutting and running throw
 */
export async function predictCuts(
  frames: readonly Frame[],
  { graph, exits, onProgress, ...run }: CutRun,
): Promise<ReadonlyMap<string, CutPredictions>> {
  const predictions = new Map(exits.map((exit) => [exit, emptyPredictions(graph, exit, frames.length)]));
  const cuts = sharedCuts(graph, exits);
  for (let first = 0; first < cuts.length; first += cutsPerPass) {
    const pass = preparePass(graph, cuts.slice(first, first + cutsPerPass));
    await Promise.all(run.threads.map((thread) => loadPass(thread, pass)));
    const progress = (share: number) => onProgress((first + pass.cuts.length * share) / cuts.length);
    await runBatches(frames, { ...run, onProgress: progress }, (batch) => runPass(pass, batch, predictions));
  }
  return predictions;
}

/** @returns accuracies by partition point 0..N; at N nothing is sent, and it is the exit's own */
export function encodedAccuracyOf(
  frames: readonly Frame[],
  predictions: CutPredictions,
  own: number,
): Pick<EncodedAccuracy, 'f16' | 'u8'> {
  const accuracies = (encoding: LossyEncoding) => [
    ...predictions[encoding].map((labels) => accuracyOf(frames, labels) ?? 0),
    own,
  ];
  return { f16: accuracies('f16'), u8: accuracies('u8') };
}

function emptyPredictions(graph: ModelGraph, exit: string, images: number): CutPredictions {
  const { layers } = branchOf(graph, exit);
  const empty = () => layers.map(() => new Uint16Array(images));
  return { f16: empty(), u8: empty() };
}

/** A cut with the exits that have it. */
interface SharedCut {
  readonly tensors: readonly string[];
  /** By exit. */
  readonly partitions: Map<string, number>;
}

/** The cuts of all exits, each once; the one behind the last layer is none, since nothing is sent there. */
function sharedCuts(graph: ModelGraph, exits: readonly string[]): SharedCut[] {
  const cuts = new Map<string, SharedCut>();
  for (const exit of exits) {
    for (const [partition, tensors] of branchOf(graph, exit).cuts.slice(0, -1).entries()) {
      const key = [...tensors].sort().join('\n');
      const cut = cuts.get(key) ?? { tensors, partitions: new Map() };
      cut.partitions.set(exit, partition);
      cuts.set(key, cut);
    }
  }
  return [...cuts.values()];
}

/** Segments with the keys under which they are loaded: no two of them are alike over all passes. */
interface Pass {
  /** Null where the only cut is the model's input. */
  readonly head: { readonly key: string; readonly bytes: Uint8Array } | null;
  readonly cuts: readonly { readonly key: string; readonly tail: Uint8Array; readonly cut: SharedCut }[];
}

function preparePass(graph: ModelGraph, cuts: readonly SharedCut[]): Pass {
  const crossing = new Set(cuts.flatMap(({ tensors }) => tensors));
  const outputs = [...crossing].filter((name) => !graph.inputs.includes(name));
  const headTo = () => ({ key: `to ${outputs}`, bytes: extractTensors(graph, { inputs: graph.inputs, outputs }) });
  const tails = cuts.map((cut) => ({
    key: `from ${cut.tensors}`,
    tail: extractTensors(graph, { inputs: cut.tensors, outputs: [...cut.partitions.keys()] }),
    cut,
  }));
  return { head: outputs.length === 0 ? null : headTo(), cuts: tails };
}

/** Loading these evicts those of the pass before. */
async function loadPass(thread: InferenceThread, { head, cuts }: Pass): Promise<void> {
  if (head !== null) await thread.load(head.key, head.bytes);
  for (const { key, tail } of cuts) await thread.load(key, tail);
}

async function runPass(
  { head, cuts }: Pass,
  { thread, inputs, start, images }: ImageBatch,
  predictions: ReadonlyMap<string, CutPredictions>,
): Promise<void> {
  const made = head === null ? {} : (await thread.run(head.key, copied(inputs))).outputs;
  const tensors = { ...inputs, ...made };
  for (const { key, cut } of cuts) {
    for (const encoding of lossyEncodings) {
      const { outputs } = await thread.run(key, travel(chosen(tensors, cut.tensors), encoding));
      for (const [exit, partition] of cut.partitions) {
        predictions.get(exit)?.[encoding][partition]?.set(greatest(outputs, exit, images), start);
      }
    }
  }
}

function chosen(tensors: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(names.flatMap((name) => (tensors[name] ? [[name, tensors[name]]] : [])));
}
