import { decodeInput, encodeInput, type ImageFormat } from '../../shared/adapters/image-encoding.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { Manifest, MeasuredImageEncoding } from '../../shared/model/manifest.ts';
import type { Tensors } from '../../shared/model/tensor.ts';
import { percentile } from '../../shared/runtime/statistics.ts';
import { loadRoute, type Route, runRoute } from './evaluate-branch.ts';
import { accuracyOf, greatest, type ImageRun, runBatches } from './evaluate-images.ts';

/**
 * What the input costs as an image file: bytes, and the accuracy of each exit, in the manifest's order.
 * @param route runs all exits of the model
 */
export async function measureImageEncoding(
  frames: readonly Frame[],
  route: Route,
  format: ImageFormat,
  run: ImageRun,
): Promise<MeasuredImageEncoding> {
  const labels = run.manifest.exits.map(({ name: exit }) => ({ exit, predicted: new Uint16Array(frames.length) }));
  const bytes = new Float64Array(frames.length);
  await Promise.all(run.threads.map((thread) => loadRoute(thread, route)));
  await runBatches(frames, run, async ({ thread, inputs, start, images }) => {
    const travelled = await travelAsFiles(inputs, run.manifest, format);
    bytes.set(travelled.bytes, start);
    const outputs = await runRoute(thread, route, travelled.inputs);
    for (const { exit, predicted } of labels) predicted.set(greatest(outputs, exit, images), start);
  });
  return {
    quality: format.quality,
    meanBytes: Math.round(bytes.reduce((sum, size) => sum + size, 0) / bytes.length),
    p95Bytes: Math.ceil(percentile([...bytes], 0.95)),
    top1: labels.map(({ predicted }) => accuracyOf(frames, predicted) ?? 0),
  };
}

/** Encodes and decodes each image of a batch by itself, as a device sends it. */
async function travelAsFiles(
  inputs: Tensors,
  { input: { name }, preprocessing }: Manifest,
  format: ImageFormat,
): Promise<{ inputs: Tensors; bytes: number[] }> {
  const { data, dims } = inputs[name] ?? { data: new Float32Array(), dims: [0] };
  const images = dims[0] ?? 0;
  const elements = data.length / images;
  const arrived = new Float32Array(data.length);
  const travel = async (_: unknown, image: number): Promise<number> => {
    const file = await encodeInput(data.subarray(image * elements, (image + 1) * elements), preprocessing, format);
    arrived.set(await decodeInput(file, format.encoding, preprocessing), image * elements);
    return file.length;
  };
  const bytes = await Promise.all(Array.from({ length: images }, travel));
  return { inputs: { [name]: { data: arrived, dims } }, bytes };
}
