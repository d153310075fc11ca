import { basename, dirname, resolve } from 'node:path';
import { type InferenceThread, startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { readFrames } from '../../shared/adapters/read-frames.ts';
import type { Frame } from '../../shared/model/frame.ts';
import { type ModelPackage, readPackage, writeManifest } from '../../shared/model/model-package.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Route } from './evaluate-branch.ts';
import { branchRoute, loadRoute, measureRoute, modelRoute, splitRoute } from './evaluate-branch.ts';
import { batchOf, type Predictions, predict } from './evaluate-images.ts';
import { printJson, printLine, printTable } from './print.ts';

export interface EvaluateOptions {
  readonly images: string;
  readonly limit?: number;
  readonly exit?: string;
  readonly partition?: number;
  readonly encoding: Encoding;
  readonly labels?: boolean;
  readonly dataset?: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

export interface EvaluatedExit {
  readonly name: string;
  /** Share of the labelled images whose greatest output is their label; null where none is labelled. */
  readonly accuracy: number | null;
  /** As the paper counts them. */
  readonly layers: number;
  readonly nodes: number;
  /** Of the branch's ONNX file. */
  readonly bytes: number;
  /** Median of one image at a time on one thread. */
  readonly msPerImage: number;
}

export interface EvaluatedImage {
  readonly name: string;
  readonly label: string | null;
  /** By exit. */
  readonly predicted: Readonly<Record<string, string>>;
}

export interface Evaluation {
  readonly package: string;
  readonly digest: string;
  readonly dataset: string;
  readonly images: number;
  readonly partition: number | null;
  readonly encoding: Encoding | null;
  readonly exits: readonly EvaluatedExit[];
  readonly labels?: readonly EvaluatedImage[];
}

const threadCount = 2;
const batch = 100;

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
  const [first] = frames;
  if (first === undefined) throw new FleetError('image-unreadable', `${options.images} holds no image`);
  const threads = Array.from({ length: threadCount }, () => startInferenceThread({ maxSessions: 2 }));
  try {
    const onProgress = progressOf(frames.length, report);
    const predictions = await predict(frames, { manifest: model.manifest, threads, route, batch, onProgress });
    const exits = await describeExits(model, { route, predictions, frames, threads });
    return {
      package: model.manifest.name,
      digest: model.manifest.digest,
      dataset: options.dataset ?? datasetName(options.images),
      images: frames.length,
      partition: options.partition ?? null,
      encoding: options.partition === undefined ? null : options.encoding,
      exits,
      ...(options.labels ? { labels: labelled(frames, predictions, model.manifest.labels) } : {}),
    };
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
  }
}

function checkOptions({ exit, partition, encoding, write }: EvaluateOptions): void {
  if (partition !== undefined && exit === undefined) throw new FleetError('usage', '--partition needs --exit');
  if (partition === undefined && encoding !== 'f32') throw new FleetError('usage', '--encoding needs --partition');
  if (partition !== undefined && write) {
    throw new FleetError('usage', '--write stores the accuracy of whole branches: leave --partition out');
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

async function timeOf({ manifest }: ModelPackage, { threads, frames }: Run, route: Route): Promise<number> {
  const [thread] = threads;
  if (thread === undefined) return 0;
  await loadRoute(thread, route);
  return measureRoute(thread, route, await batchOf(frames.slice(0, 1), manifest));
}

function accuracyOf(frames: readonly Frame[], predicted: Uint16Array): number | null {
  const known = frames.filter((frame) => frame.label !== undefined).length;
  const right = frames.filter((frame, index) => frame.label === predicted[index]).length;
  return known === 0 ? null : right / known;
}

function labelled(frames: readonly Frame[], predictions: Predictions, labels: readonly string[]): EvaluatedImage[] {
  const textOf = (label: number | undefined) => (label === undefined ? undefined : labels[label]);
  return frames.map(({ name, label }, index) => ({
    name,
    label: textOf(label) ?? null,
    predicted: Object.fromEntries([...predictions].map(([exit, all]) => [exit, textOf(all[index]) ?? `${all[index]}`])),
  }));
}

async function storeAccuracy(folder: string, { dataset, images, exits }: Evaluation): Promise<void> {
  const { manifest } = await readPackage(folder);
  const measured = new Map(exits.map(({ name, accuracy }) => [name, accuracy]));
  const updated = manifest.exits.map((exit) => {
    const top1 = measured.get(exit.name);
    return typeof top1 === 'number' ? { ...exit, accuracy: { dataset, images, top1 } } : exit;
  });
  await writeManifest(folder, { ...manifest, exits: updated });
}

/** @returns `cifar10-test` for …/cifar10/test.bin.xz */
function datasetName(path: string): string {
  const absolute = resolve(path);
  return `${basename(dirname(absolute))}-${basename(absolute).replace(/\..*$/, '')}`;
}

function progressOf(images: number, report: (line: string) => void): (done: number) => void {
  let shown = 0;
  return (done) => {
    const tenths = Math.floor((10 * done) / images);
    if (tenths === shown) return;
    shown = tenths;
    report(`${done} of ${images} images\n`);
  };
}

function printEvaluation({ exits, images, dataset, labels }: Evaluation): void {
  printLine(`${images} images of ${dataset}`);
  const rows = exits.map((exit) => [
    exit.name,
    exit.accuracy === null ? '' : `${(100 * exit.accuracy).toFixed(2)} %`,
    `${exit.layers}`,
    `${exit.nodes}`,
    exit.bytes.toLocaleString('en'),
    exit.msPerImage.toFixed(3),
  ]);
  printTable(['exit', 'accuracy', 'layers', 'nodes', 'bytes', 'ms per image'], rows, [1, 2, 3, 4, 5]);
  if (labels === undefined) return;
  const names = exits.map(({ name }) => name);
  const lines = labels.map(({ name, label, predicted }) => [
    name,
    label ?? '',
    ...names.map((exit) => predicted[exit] ?? ''),
  ]);
  printTable(['image', 'label', ...names], lines, []);
}
