import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import sharp from 'sharp';
import type { Frame } from '../model/frame.ts';
import type { Preprocessing } from '../model/manifest.ts';
import { FleetError, messageOf } from '../runtime/errors.ts';

const imageExtensions = new Set(['.png', '.jpg', '.jpeg']);
const channels = 3;

/**
 * Reads one PNG or JPEG file.
 * @param labels the manifest's: the name of the file's folder gives the label if it is one of them
 * @throws {FleetError} `image-unreadable`
 */
export async function readImage(path: string, labels: readonly string[]): Promise<Frame> {
  const label = labels.indexOf(basename(dirname(path)));
  const frame = await decodeImage(path, path);
  return label < 0 ? frame : { ...frame, label };
}

/**
 * @param image an encoded PNG or JPEG, or the path of one
 * @throws {FleetError} `image-unreadable`
 */
export async function decodeImage(image: Uint8Array | string, name: string): Promise<Frame> {
  try {
    const pipeline = sharp(image).rotate().removeAlpha().toColourspace('srgb');
    const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
    return { rgb: info.channels === channels ? data : greyToRgb(data), width: info.width, height: info.height, name };
  } catch (cause) {
    throw new FleetError('image-unreadable', `${name}: ${messageOf(cause)}`, { cause });
  }
}

/** Reads the PNG and JPEG files of a folder and of the folders in it, in the order of their names. */
export async function* readImageFolder(folder: string, labels: readonly string[]): AsyncGenerator<Frame> {
  for (const path of await imagePaths(folder)) yield await readImage(path, labels);
}

/** @throws {FleetError} `image-unreadable` where there is no such folder, or no image in it */
export async function imagePaths(folder: string): Promise<string[]> {
  let files: string[];
  try {
    files = await readdir(folder, { recursive: true });
  } catch (cause) {
    throw new FleetError('image-unreadable', `${folder}: ${messageOf(cause)}`, { cause });
  }
  const images = files.filter((file) => imageExtensions.has(extname(file).toLowerCase())).sort();
  if (images.length === 0) throw new FleetError('image-unreadable', `${folder} holds no PNG or JPEG file`);
  return images.map((file) => join(folder, file));
}

/**
 * Makes the model's input of a frame: resized where its size differs, scaled, normalised, one plane a channel.
 * @param target receives channels × height × width values, for reuse
 * @returns the target, or a new array of that size
 * @throws {FleetError} `image-unreadable` for a frame whose bytes do not fit its size, or a target of another size
 */
export async function preprocess(
  frame: Frame,
  preprocessing: Preprocessing,
  target?: Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer>> {
  const { width, height } = preprocessing.resize;
  const pixels = width * height;
  const output = target ?? new Float32Array(channels * pixels);
  if (frame.rgb.byteLength !== frame.width * frame.height * channels || output.length !== channels * pixels) {
    const size = `${frame.width} × ${frame.height}`;
    throw new FleetError(
      'image-unreadable',
      `${frame.name}: ${frame.rgb.byteLength} bytes for ${size}, ${output.length} out`,
    );
  }
  const rgb = frame.width === width && frame.height === height ? frame.rgb : await resize(frame, preprocessing);
  normalise(rgb, preprocessing, output);
  return output;
}

/**
 * @param rgb 8-bit RGB, interleaved
 * @param output receives one plane a channel
 */
export function normalise(
  rgb: Uint8Array,
  { channels: order, scale, mean, std }: Preprocessing,
  output: Float32Array,
): void {
  const pixels = output.length / channels;
  for (let channel = 0; channel < channels; channel += 1) {
    const source = order === 'RGB' ? channel : channels - 1 - channel;
    const factor = scale / (std[channel] ?? 1);
    const shift = (mean[channel] ?? 0) / (std[channel] ?? 1);
    const start = channel * pixels;
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      output[start + pixel] = (rgb[pixel * channels + source] ?? 0) * factor - shift;
    }
  }
}

async function resize(frame: Frame, { resize: { width, height, kernel } }: Preprocessing): Promise<Uint8Array> {
  try {
    const raw = { width: frame.width, height: frame.height, channels } as const;
    return await sharp(frame.rgb, { raw }).resize(width, height, { kernel, fit: 'fill' }).raw().toBuffer();
  } catch (cause) {
    throw new FleetError('image-unreadable', `${frame.name}: ${messageOf(cause)}`, { cause });
  }
}

function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.byteLength * channels);
  for (const [pixel, value] of grey.entries()) rgb.fill(value, pixel * channels, (pixel + 1) * channels);
  return rgb;
}
