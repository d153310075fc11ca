import { basename, dirname, resolve } from 'node:path';
import type { ImageFormat } from '../../shared/adapters/image-encoding.ts';
import { type InferenceThread, startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { readFrames } from '../../shared/adapters/read-frames.ts';
import type { Frame } from '../../shared/model/frame.ts';
import { type ModelPackage, readPackage } from '../../shared/model/model-package.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Route } from './evaluate-branch.ts';
import { branchRoute, loadRoute, measureRoute, modelRoute, splitRoute } from './evaluate-branch.ts';
import { encodedAccuracyOf, predictCuts, sessionsPerPass } from './evaluate-cuts.ts';
import { measureImageEncoding } from './evaluate-image-encodings.ts';
import { accuracyOf, batchOf, type ImageRun, type Predictions, predict } from './evaluate-images.ts';
import type { EvaluatedExit, EvaluatedImage, Evaluation } from './evaluation.ts';
import { printJson } from './print.ts';
import { printEvaluation } from './print-evaluation.ts';
import { storeAccuracy } from './store-accuracy.ts';

export interface EvaluateOptions {
  readonly images: string;
  readonly limit?: number;
  readonly exit?: string;
  readonly partition?: number;
  readonly encoding: Encoding;
  /** Also measure every cut of the exits, in every encoding. */
  readonly cuts?: boolean;
  /** Also measure the exits with the input sent as such files. */
  readonly imageEncodings?: readonly ImageFormat[];
  readonly labels?: boolean;
  readonly dataset?: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

const threadCount = 2;
const batch = 100;
/** As fast, in half the memory: the tensors of 25 cuts are held at a time. */
const cutBatch = 20;

/** `edgent model evaluate`. */
export async function evaluateCommand(path: string, options: EvaluateOptions): Promise<void> {
  const evaluation = await evaluate(path, options, (line) => process.stderr.write(line));
  if (options.write) await storeAccuracy(path, evaluation);
  if (options.json) printJson(evaluation);
  else printEvaluation(evaluation);
}

/**
 * Measures accuracy and time of the exits of a package.
 * @throws {FleetError} `usage`, `image-unreadable`, and what reading, cutting and running throw
 */
export async function evaluate(
  path: string,
  options: EvaluateOptions,
  report: (line: string) => void,
): Promise<Evaluation> {
  checkOptions(options);
  const model = await readPackage(path);
  const route = routeOf(model, options);
  const frames = await readFrames(options.images, model.manifest.labels, options.limit);
  checkFrames(frames, options);
  const threads = Array.from({ length: threadCount }, () => startInferenceThread({ maxSessions: sessionsPerPass }));
  try {
    const onProgress = progressOf((share) =>
      report(`${Math.round(share * frames.length)} of ${frames.length} images\n`),
    );
    const run = { manifest: model.manifest, threads, batch, onProgress };
    const predictions = await predict(frames, route, run);
    const whole = await describeExits(model, { route, predictions, frames, threads });
    const exits = options.cuts ? await withCuts(model, { frames, threads, exits: whole, report }) : whole;
    return {
      package: model.manifest.name,
      digest: model.manifest.digest,
      dataset: options.dataset ?? datasetName(options.images),
      images: frames.length,
      partition: options.partition ?? null,
      encoding: options.partition === undefined ? null : options.encoding,
      exits,
      ...(options.imageEncodings && { imageEncodings: await asFiles(frames, options.imageEncodings, { route, run }) }),
      ...(options.labels ? { labels: labelled(frames, predictions, model.manifest.labels) } : {}),
    };
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
  }
}

function checkOptions({ exit, partition, encoding, write, cuts, imageEncodings }: EvaluateOptions): void {
  if (partition !== undefined && exit === undefined) throw new FleetError('usage', '--partition needs --exit');
  if (partition === undefined && encoding !== 'f32') throw new FleetError('usage', '--encoding needs --partition');
  if (partition !== undefined && write) {
    throw new FleetError('usage', '--write stores the accuracy of whole branches: leave --partition out');
  }
  if (partition !== undefined && cuts)
    throw new FleetError('usage', '--cuts takes all partitions: leave --partition out');
  if (exit !== undefined && imageEncodings)
    throw new FleetError('usage', '--image-encodings takes all exits: leave --exit out');
}

function checkFrames(frames: readonly Frame[], { images, cuts, imageEncodings }: EvaluateOptions): void {
  if (frames.length === 0) throw new FleetError('image-unreadable', `${images} holds no image`);
  if ((cuts || imageEncodings) && frames.every(({ label }) => label === undefined)) {
    const option = cuts ? '--cuts' : '--image-encodings';
    throw new FleetError('usage', `${option} measures accuracy, and no image of ${images} has a label`);
  }
}

function routeOf(model: ModelPackage, { exit, partition, encoding }: EvaluateOptions): Route {
  if (exit === undefined) return modelRoute(model);
  return partition === undefined ? branchRoute(model, exit) : splitRoute(model, exit, partition, encoding);
}

interface Run {
  readonly route: Route;
  readonly predictions: Predictions;
  readonly frames: readonly Frame[];
  readonly threads: readonly InferenceThread[];
}

async function describeExits(model: ModelPackage, run: Run): Promise<EvaluatedExit[]> {
  const exits: EvaluatedExit[] = [];
  for (const [name, labels] of run.predictions) {
    const whole = branchRoute(model, name);
    const entry = model.manifest.exits.find((exit) => exit.name === name);
    exits.push({
      name,
      accuracy: accuracyOf(run.frames, labels),
      layers: entry?.paperLayers ?? 0,
      nodes: entry?.nodes ?? 0,
      bytes: whole.segments.reduce((sum, segment) => sum + segment.byteLength, 0),
      msPerImage: await timeOf(model, run, run.route.segments.length > 1 ? run.route : whole),
    });
  }
  return exits;
}

interface CutMeasurement {
  readonly frames: readonly Frame[];
  readonly threads: readonly InferenceThread[];
  readonly exits: readonly EvaluatedExit[];
  readonly report: (line: string) => void;
}

/** Adds to each exit its accuracy at every cut. */
async function withCuts({ manifest, graph }: ModelPackage, run: CutMeasurement): Promise<EvaluatedExit[]> {
  const { frames, threads, report } = run;
  const onProgress = progressOf((share) => report(`${Math.round(100 * share)} % of all cuts\n`));
  const exits = run.exits.map(({ name }) => name);
  const predictions = await predictCuts(frames, { manifest, graph, exits, threads, batch: cutBatch, onProgress });
  return run.exits.map((exit) => {
    const labels = predictions.get(exit.name);
    if (labels === undefined || exit.accuracy === null) return exit;
    return { ...exit, encodedAccuracy: encodedAccuracyOf(frames, labels, exit.accuracy) };
  });
}

async function asFiles(
  frames: readonly Frame[],
  formats: readonly ImageFormat[],
  { route, run }: { route: Route; run: ImageRun },
): Promise<NonNullable<Evaluation['imageEncodings']>> {
  const measured: NonNullable<Evaluation['imageEncodings']> = {};
  for (const format of formats) measured[format.encoding] = await measureImageEncoding(frames, route, format, run);
  return measured;
}

async function timeOf({ manifest }: ModelPackage, { threads, frames }: Run, route: Route): Promise<number> {
  const [thread] = threads;
  if (thread === undefined) return 0;
  await loadRoute(thread, route);
  return measureRoute(thread, route, await batchOf(frames.slice(0, 1), manifest));
}

function labelled(frames: readonly Frame[], predictions: Predictions, labels: readonly string[]): EvaluatedImage[] {
  const textOf = (label: number | undefined) => (label === undefined ? undefined : labels[label]);
  return frames.map(({ name, label }, index) => ({
    name,
    label: textOf(label) ?? null,
    predicted: Object.fromEntries([...predictions].map(([exit, all]) => [exit, textOf(all[index]) ?? `${all[index]}`])),
  }));
}

/** @returns `cifar10-test` for …/cifar10/test.bin.xz */
export function datasetName(path: string): string {
  const absolute = resolve(path);
  return `${basename(dirname(absolute))}-${basename(absolute).replace(/\..*$/, '')}`;
}

/** @returns what takes the share that is done and shows it whenever another tenth is */
export function progressOf(show: (share: number) => void): (share: number) => void {
  let shown = 0;
  return (share) => {
    const tenths = Math.floor(10 * share);
    if (tenths === shown) return;
    shown = tenths;
    show(share);
  };
}
