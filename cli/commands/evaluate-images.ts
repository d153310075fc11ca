import { preprocess } from '../../shared/adapters/images.ts';
import type { InferenceThread } from '../../shared/adapters/inference-thread.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { Manifest } from '../../shared/model/manifest.ts';
import type { Tensors } from '../../shared/model/tensor.ts';
import { loadRoute, type Route, runRoute } from './evaluate-branch.ts';

export interface ImageRun {
  readonly manifest: Manifest;
  readonly threads: readonly InferenceThread[];
  readonly batch: number;
  /** Share of the images that are done, 0..1. */
  onProgress(share: number): void;
}

/** Some images on the thread whose turn it is. */
export interface ImageBatch {
  readonly thread: InferenceThread;
  /** The model's input of all of them; to be given away. */
  readonly inputs: Tensors;
  /** Index of the first image. */
  readonly start: number;
  readonly images: number;
}

/** Index of the label that each exit gives each image. */
export type Predictions = ReadonlyMap<string, Uint16Array>;

/** Runs all frames through a route. */
export async function predict(frames: readonly Frame[], route: Route, run: ImageRun): Promise<Predictions> {
  const predictions = new Map(route.exits.map((exit) => [exit, new Uint16Array(frames.length)]));
  await Promise.all(run.threads.map((thread) => loadRoute(thread, route)));
  await runBatches(frames, run, async ({ thread, inputs, start, images }) => {
    const outputs = await runRoute(thread, route, inputs);
    for (const [exit, labels] of predictions) labels.set(greatest(outputs, exit, images), start);
  });
  return predictions;
}

/** Hands all frames to `work`, in batches that the threads take in turn. */
export async function runBatches(
  frames: readonly Frame[],
  run: ImageRun,
  work: (batch: ImageBatch) => Promise<void>,
): Promise<void> {
  let next = 0;
  let done = 0;
  async function workOn(thread: InferenceThread): Promise<void> {
    while (next < frames.length) {
      const start = next;
      next += run.batch;
      const chosen = frames.slice(start, next);
      await work({ thread, inputs: await batchOf(chosen, run.manifest), start, images: chosen.length });
      done += chosen.length;
      run.onProgress(done / frames.length);
    }
  }
  await Promise.all(run.threads.map(workOn));
}

/** @returns the model's input for these frames */
export async function batchOf(frames: readonly Frame[], { input, preprocessing }: Manifest): Promise<Tensors> {
  const elements = input.shape.reduce((product, size) => product * size, 1);
  const data = new Float32Array(frames.length * elements);
  const fill = (frame: Frame, index: number) =>
    preprocess(frame, preprocessing, data.subarray(index * elements, (index + 1) * elements));
  await Promise.all(frames.map(fill));
  return { [input.name]: { data, dims: [frames.length, ...input.shape] } };
}

/** @returns the index of the greatest output that an exit gives each image */
export function greatest(outputs: Tensors, exit: string, images: number): number[] {
  const scores = outputs[exit]?.data ?? new Float32Array(images);
  const classes = scores.length / images;
  return Array.from({ length: images }, (_, image) => {
    const row = scores.subarray(image * classes, (image + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

/** @returns the share of the labelled images that were given their label; null where none is labelled */
export function accuracyOf(frames: readonly Frame[], predicted: Uint16Array): number | null {
  const known = frames.filter((frame) => frame.label !== undefined).length;
  const right = frames.filter((frame, index) => frame.label === predicted[index]).length;
  return known === 0 ? null : right / known;
}
