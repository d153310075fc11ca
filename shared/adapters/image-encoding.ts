import sharp, { type Sharp } from 'sharp';
import type { Preprocessing } from '../model/manifest.ts';
import type { ImageEncoding } from '../protocol/wire-encoding.ts';
import { FleetError, messageOf } from '../runtime/errors.ts';
import { normalise } from './images.ts';

/** Of an image file. */
export interface ImageFormat {
  readonly encoding: ImageEncoding;
  /** As libjpeg and libwebp count it, 1..100. */
  readonly quality: number;
}

const channels = 3;

/**
 * Writes a model's input as an image file, in threads of libuv's pool.
 * @param input channels × height × width values, as `preprocess` makes them: each pixel is found again exactly
 * @throws {FleetError} `image-invalid` where the input does not fit the preprocessing
 */
export async function encodeInput(
  input: Float32Array,
  preprocessing: Preprocessing,
  format: ImageFormat,
): Promise<Uint8Array> {
  const { width, height } = preprocessing.resize;
  if (input.length !== channels * width * height) {
    throw new FleetError('image-invalid', `${input.length} values are no ${width} × ${height} image`);
  }
  try {
    const raw = sharp(pixelsOf(input, preprocessing), { raw: { width, height, channels } });
    return await written(raw, format).toBuffer();
  } catch (cause) {
    throw new FleetError('image-invalid', `${format.encoding}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads what `encodeInput` has written, in threads of libuv's pool. No more pixels are decoded than the model takes,
 * whatever the file declares, and no other format than the one that is named.
 * @returns channels × height × width values
 * @throws {FleetError} `image-invalid` for another format or size, and where the file is cut off or damaged
 */
export async function decodeInput(
  file: Uint8Array,
  encoding: ImageEncoding,
  preprocessing: Preprocessing,
): Promise<Float32Array<ArrayBuffer>> {
  const { width, height } = preprocessing.resize;
  if (!beginsAs(file, encoding)) throw new FleetError('image-invalid', `${file.length} bytes are no ${encoding} file`);
  const { data, info } = await readPixels(file, width * height).catch((cause: unknown) => {
    throw new FleetError('image-invalid', `${encoding}: ${messageOf(cause)}`, { cause });
  });
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    const size = `${info.width} × ${info.height} in ${info.channels} channels`;
    throw new FleetError('image-invalid', `the ${encoding} is ${size}, expected ${width} × ${height} in ${channels}`);
  }
  const output = new Float32Array(channels * width * height);
  normalise(data, preprocessing, output);
  return output;
}

function readPixels(file: Uint8Array, limitInputPixels: number) {
  return sharp(file, { limitInputPixels, failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
}

/** Colours as fine as brightness where the format can: a model's input is small, and would have half of their lines. */
function written(image: Sharp, { encoding, quality }: ImageFormat): Sharp {
  switch (encoding) {
    case 'jpeg':
      return image.jpeg({ quality, chromaSubsampling: '4:4:4' });
    case 'webp':
      return image.webp({ quality });
  }
}

/** What a file begins with decides which decoder libvips takes: nothing else may reach it. */
function beginsAs(file: Uint8Array, encoding: ImageEncoding): boolean {
  switch (encoding) {
    case 'jpeg':
      return file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff;
    case 'webp':
      return textAt(file, 0) === 'RIFF' && textAt(file, 8) === 'WEBP';
  }
}

function textAt(file: Uint8Array, at: number): string {
  return String.fromCharCode(...file.subarray(at, at + 4));
}

/** Undoes the normalisation. @returns 8-bit RGB, interleaved */
function pixelsOf(input: Float32Array, { channels: order, scale, mean, std }: Preprocessing): Uint8ClampedArray {
  const pixels = input.length / channels;
  const rgb = new Uint8ClampedArray(input.length);
  for (let channel = 0; channel < channels; channel += 1) {
    const target = order === 'RGB' ? channel : channels - 1 - channel;
    const factor = (std[channel] ?? 1) / scale;
    const shift = (mean[channel] ?? 0) / scale;
    const start = channel * pixels;
    // The clamped array rounds to the nearest.
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      rgb[pixel * channels + target] = (input[start + pixel] ?? 0) * factor + shift;
    }
  }
  return rgb;
}
