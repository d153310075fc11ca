import { preprocess } from '../../shared/adapters/images.ts';
import type { InferenceThread } from '../../shared/adapters/inference-thread.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { Manifest } from '../../shared/model/manifest.ts';
import type { Tensors } from '../../shared/model/tensor.ts';
import { loadRoute, type Route, runRoute } from './evaluate-branch.ts';

export interface ImageRun {
  readonly manifest: Manifest;
  readonly threads: readonly InferenceThread[];
  readonly route: Route;
  readonly batch: number;
  /** Images done so far. */
  onProgress(done: number): void;
}

/** Index of the label that each exit gives each image. */
export type Predictions = ReadonlyMap<string, Uint16Array>;

/** Runs all frames through a route, in batches that the threads take in turn. */
export async function predict(frames: readonly Frame[], run: ImageRun): Promise<Predictions> {
  const predictions = new Map(run.route.exits.map((exit) => [exit, new Uint16Array(frames.length)]));
  let next = 0;
  let done = 0;
  async function work(thread: InferenceThread): Promise<void> {
    await loadRoute(thread, run.route);
    while (next < frames.length) {
      const start = next;
      next += run.batch;
      const chosen = frames.slice(start, next);
      const outputs = await runRoute(thread, run.route, await batchOf(chosen, run.manifest));
      for (const [exit, labels] of predictions) labels.set(greatest(outputs, exit, chosen.length), start);
      done += chosen.length;
      run.onProgress(done);
    }
  }
  await Promise.all(run.threads.map(work));
  return predictions;
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

function greatest(outputs: Tensors, exit: string, images: number): number[] {
  const scores = outputs[exit]?.data ?? new Float32Array(images);
  const classes = scores.length / images;
  return Array.from({ length: images }, (_, image) => {
    const row = scores.subarray(image * classes, (image + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}
