import { createHash } from 'node:crypto';
import { chooseThreshold, type EarlyAnswers, effectOf } from '../../shared/model/early-exit-threshold.ts';
import { entropyOf } from '../../shared/model/entropy.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { EarlyExitThresholds } from '../../shared/model/manifest.ts';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import { loadRoute, modelRoute, runRoute } from './evaluate-branch.ts';
import { greatest, type ImageRun, runBatches } from './evaluate-images.ts';

type Threshold = EarlyExitThresholds['thresholds'][number];

/** What an exit says of all images. */
export interface ExitAnswers {
  readonly name: string;
  /** Nats. */
  readonly entropy: Float64Array;
  /** 1 where it gives an image its label, else 0. */
  readonly isRight: Uint8Array;
}

/** An exit with its thresholds, by accuracy loss as asked. */
export interface CalibratedExit {
  readonly name: string;
  readonly thresholds: readonly Threshold[];
}

/** Runs all images through the whole model. @returns exits as the model has them, shallowest first */
export async function answersOf(model: ModelPackage, frames: readonly Frame[], run: ImageRun): Promise<ExitAnswers[]> {
  const route = modelRoute(model);
  const exits = route.exits.map((name) => ({
    name,
    entropy: new Float64Array(frames.length),
    isRight: new Uint8Array(frames.length),
  }));
  await Promise.all(run.threads.map((thread) => loadRoute(thread, route)));
  await runBatches(frames, run, async ({ thread, inputs, start, images }) => {
    const outputs = await runRoute(thread, route, inputs);
    for (const { name, entropy, isRight } of exits) {
      const scores = outputs[name]?.data ?? new Float32Array();
      const classes = scores.length / images;
      for (const [image, label] of greatest(outputs, name, images).entries()) {
        entropy[start + image] = entropyOf(scores.subarray(image * classes, (image + 1) * classes));
        isRight[start + image] = frames[start + image]?.label === label ? 1 : 0;
      }
    }
  });
  return exits;
}

/**
 * Finds for each exit but the deepest the thresholds under which it may answer: those that either half of the images,
 * every other one, allows by itself.
 * @param losses accuracy that may be lost, shares of all images
 */
export function calibrateExits(exits: readonly ExitAnswers[], losses: readonly number[]): CalibratedExit[] {
  return exits.slice(0, -1).map(({ name }, position) => {
    const all = answersAbout(exits.slice(position), () => true);
    const odd = answersAbout(exits.slice(position), (image) => image % 2 === 0);
    const even = answersAbout(exits.slice(position), (image) => image % 2 === 1);
    const thresholds = losses.map((accuracyLoss): Threshold => {
      const [byOdd, byEven] = [chooseThreshold(odd, accuracyLoss), chooseThreshold(even, accuracyLoss)];
      // Rounded down it answers no image more.
      const entropy = Math.floor(1e6 * Math.min(byOdd, byEven)) / 1e6;
      const heldOut = [effectOf(even, byOdd).accuracyLoss, effectOf(odd, byEven).accuracyLoss];
      const heldOutLoss = heldOut.reduce((sum, loss) => sum + loss, 0) / heldOut.length;
      return {
        accuracyLoss,
        entropy,
        measured: { images: all.entropy.length, ...effectOf(all, entropy), heldOutLoss },
      };
    });
    return { name, thresholds };
  });
}

/** @returns `sha256:` and the digest of all pixels, sizes and labels, in their order */
export function imagesDigest(frames: readonly Frame[]): string {
  const hash = createHash('sha256');
  for (const { rgb, width, height, label } of frames) hash.update(`${width}×${height} ${label} `).update(rgb);
  return `sha256:${hash.digest('hex')}`;
}

/** @param exits the exit that may answer, and all behind it */
function answersAbout([exit, ...deeper]: readonly ExitAnswers[], includes: (image: number) => boolean): EarlyAnswers {
  const isIncluded = (_: unknown, image: number): boolean => includes(image);
  return {
    entropy: exit?.entropy.filter(isIncluded) ?? new Float64Array(),
    isRight: exit?.isRight.filter(isIncluded) ?? new Uint8Array(),
    deeperIsRight: deeper.map(({ isRight }) => isRight.filter(isIncluded)),
  };
}
