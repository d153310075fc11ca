import { startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { readFrames } from '../../shared/adapters/read-frames.ts';
import type { Frame } from '../../shared/model/frame.ts';
import { readPackage, writeManifest } from '../../shared/model/model-package.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { answersOf, type CalibratedExit, calibrateExits, imagesDigest } from './measure-early-exits.ts';
import { datasetName, progressOf } from './model-evaluate.ts';
import { printJson, printLine, printTable } from './print.ts';

export interface CalibrateOptions {
  readonly images: string;
  readonly limit?: number;
  /** Accuracy that may be lost, shares of all images. */
  readonly losses: readonly number[];
  readonly dataset?: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

/** What `edgent model calibrate` finds. */
export interface Calibration {
  readonly package: string;
  readonly dataset: string;
  readonly imagesDigest: string;
  readonly modelDigest: string;
  readonly images: number;
  readonly exits: readonly CalibratedExit[];
}

const threadCount = 2;
const batch = 100;
/** Half of them, and half a point of that, is one image. */
const fewestImages = 400;

/** `edgent model calibrate`. */
export async function calibrateCommand(path: string, options: CalibrateOptions): Promise<void> {
  const calibration = await calibrate(path, options, (line) => process.stderr.write(line));
  if (options.write) await storeThresholds(path, calibration);
  if (options.json) printJson(calibration);
  else printCalibration(calibration);
}

/**
 * Finds the thresholds under which the exits of a package may answer early.
 * @throws {FleetError} `usage`, `image-unreadable`, and what reading and running throw
 */
export async function calibrate(
  path: string,
  { images, limit, losses, dataset }: CalibrateOptions,
  report: (line: string) => void,
): Promise<Calibration> {
  const model = await readPackage(path);
  const { manifest } = model;
  const frames = await readFrames(images, manifest.labels, limit);
  checkFrames(frames, images);
  const threads = Array.from({ length: threadCount }, () => startInferenceThread({ maxSessions: 1 }));
  try {
    const onProgress = progressOf((share) =>
      report(`${Math.round(share * frames.length)} of ${frames.length} images\n`),
    );
    const answers = await answersOf(model, frames, { manifest, threads, batch, onProgress });
    return {
      package: manifest.name,
      dataset: dataset ?? datasetName(images),
      imagesDigest: imagesDigest(frames),
      modelDigest: manifest.digest,
      images: frames.length,
      exits: calibrateExits(answers, losses),
    };
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
  }
}

/**
 * Replaces the thresholds of all exits, all or nothing.
 * @throws {FleetError} what reading the package and writing its manifest throw
 */
export async function storeThresholds(folder: string, calibration: Calibration): Promise<void> {
  const { manifest } = await readPackage(folder);
  const { dataset, imagesDigest: digest, modelDigest } = calibration;
  const exits = manifest.exits.map((exit) => {
    const { earlyExit: _, ...rest } = exit;
    const thresholds = calibration.exits.find(({ name }) => name === exit.name)?.thresholds;
    if (thresholds === undefined) return rest;
    return { ...rest, earlyExit: { dataset, imagesDigest: digest, modelDigest, thresholds: [...thresholds] } };
  });
  await writeManifest(folder, { ...manifest, exits });
}

function checkFrames(frames: readonly Frame[], images: string): void {
  if (frames.length < fewestImages) {
    throw new FleetError('usage', `${images} holds ${frames.length} images: thresholds need at least ${fewestImages}`);
  }
  if (frames.some(({ label }) => label === undefined)) {
    throw new FleetError('usage', `thresholds need labels, and not every image of ${images} has one`);
  }
}

function printCalibration({ exits, images, dataset }: Calibration): void {
  printLine(`${images} images of ${dataset}; held out: each half under the threshold that the other one chose`);
  const rows = exits.flatMap(({ name, thresholds }) =>
    thresholds.map(({ accuracyLoss, entropy, measured }) => [
      name,
      points(accuracyLoss),
      entropy.toFixed(4),
      `${(100 * measured.answered).toFixed(1)} %`,
      points(measured.accuracyLoss),
      points(measured.heldOutLoss),
    ]),
  );
  const head = ['exit', 'may lose, points', 'entropy below, nats', 'answers', 'loses, points', 'held out, points'];
  printTable(head, rows, [1, 2, 3, 4, 5]);
}

function points(share: number): string {
  return (100 * share).toFixed(2);
}
