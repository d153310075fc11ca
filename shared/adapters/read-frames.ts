import { stat } from 'node:fs/promises';
import type { Frame } from '../model/frame.ts';
import { readCifar10 } from './cifar10.ts';
import { imagePaths, readImage } from './images.ts';

/**
 * Reads images from whatever is there: CIFAR-10 records (.bin, .bin.xz), one image, or a folder of images.
 * @param labels the manifest's
 * @param limit how many images at most
 * @throws {FleetError} `image-unreadable`
 */
export async function readFrames(path: string, labels: readonly string[], limit?: number): Promise<Frame[]> {
  if (/\.bin(\.xz)?$/.test(path)) return readCifar10(path, { limit });
  const folder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const paths = folder ? await imagePaths(path) : [path];
  const frames: Frame[] = [];
  for (const file of paths.slice(0, limit)) frames.push(await readImage(file, labels));
  return frames;
}
