import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Preprocessing } from '../model/manifest.ts';
import { type ImageEncoding, imageEncodings } from '../protocol/wire-encoding.ts';
import { decodeInput, encodeInput } from './image-encoding.ts';
import { preprocess } from './images.ts';

const side = 16;
const preprocessing: Preprocessing = {
  resize: { width: side, height: side, kernel: 'linear' },
  channels: 'RGB',
  layout: 'NCHW',
  scale: 1 / 255,
  mean: [0.4914, 0.482158, 0.446531],
  std: [0.247032, 0.243485, 0.261588],
};

/** A gradient from one corner to the other, another one in each channel. */
const rgb = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [8 * (pixel % side), 8 * Math.floor(pixel / side) + 64, 128][i % 3] ?? 0;
});

function inputOf(pixels = rgb, manifest = preprocessing) {
  const { width, height } = manifest.resize;
  return preprocess({ rgb: pixels, width, height, name: 'gradient' }, manifest);
}

async function throughFile(input: Float32Array, encoding: ImageEncoding, manifest = preprocessing) {
  return decodeInput(await encodeInput(input, manifest, { encoding, quality: 95 }), encoding, manifest);
}

/** In steps of one level of a byte. */
function greatestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0) * 255 * 0.243485;
}

describe.each(imageEncodings)('an input as %s', (encoding) => {
  test('comes back within a few levels, in the channels that it went in', async () => {
    for (const channels of ['RGB', 'BGR'] as const) {
      const manifest = { ...preprocessing, channels };
      const input = await inputOf(rgb, manifest);
      expect(greatestDifference(await throughFile(input, encoding, manifest), input)).toBeLessThan(16);
    }
  });

  test('is the smaller the lower its quality', async () => {
    const sizes = [];
    const noise = fc.sample(fc.uint8Array({ minLength: 768, maxLength: 768 }), { numRuns: 1, seed: 5 })[0];
    const input = await inputOf(noise);
    for (const quality of [40, 80, 100]) {
      sizes.push((await encodeInput(input, preprocessing, { encoding, quality })).length);
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
  });

  test('holds any floats: those beyond black and white become these', async () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -0];
    const input = Float32Array.from({ length: rgb.length }, (_, i) => values[i % values.length] ?? 0);
    expect((await throughFile(input, encoding)).every(Number.isFinite)).toBe(true);
  });

  test('that is cut off or damaged is refused, or still an image of its size', async () => {
    const file = await encodeInput(await inputOf(), preprocessing, { encoding, quality: 95 });
    const length = fc.nat(file.length - 1);
    await fc.assert(
      fc.asyncProperty(length, async (end) => {
        await expect(decodeInput(file.subarray(0, end), encoding, preprocessing)).rejects.toMatchObject(invalid);
      }),
      { numRuns: 15 },
    );
    await fc.assert(
      fc.asyncProperty(length, fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = file.map((byte, i) => (i === at ? byte ^ flip : byte));
        const outcome = await decodeInput(damaged, encoding, preprocessing).catch((error: unknown) => error);
        if (outcome instanceof Float32Array) expect(outcome).toHaveLength(rgb.length);
        else expect(outcome).toMatchObject(invalid);
      }),
      { numRuns: 30 },
    );
  });

  test('of another size is refused, and a bomb before it is decoded', async () => {
    for (const [width, height] of [
      [side, side - 1],
      [side * side, 1],
      [side / 2, side * 2],
      [2_000, 2_000],
    ] as const) {
      const image = sharp({ create: { width, height, channels: 3, background: 'red' } });
      const file = await image[encoding]({ quality: 50 }).toBuffer();
      const startMs = performance.now();
      await expect(decodeInput(file, encoding, preprocessing), `${width}`).rejects.toMatchObject(invalid);
      expect(performance.now() - startMs).toBeLessThan(200);
    }
  });

  test('is refused where it is of another format', async () => {
    const pixels = () => sharp(rgb, { raw: { width: side, height: side, channels: 3 } });
    const other = encoding === 'jpeg' ? 'webp' : 'jpeg';
    const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"/>`);
    for (const file of [await pixels()[other]().toBuffer(), await pixels().png().toBuffer(), svg, Buffer.alloc(0)]) {
      await expect(decodeInput(file, encoding, preprocessing)).rejects.toMatchObject(invalid);
    }
  });
});

const invalid = { code: 'image-invalid' };

test('a transparent image is refused, a grey one is one of three equal channels', async () => {
  const pixels = () => sharp(rgb, { raw: { width: side, height: side, channels: 3 } });
  const transparent = await pixels().ensureAlpha(0.5).webp().toBuffer();
  await expect(decodeInput(transparent, 'webp', preprocessing)).rejects.toMatchObject(invalid);
  const grey = await pixels().toColourspace('b-w').jpeg().toBuffer();
  expect(await decodeInput(grey, 'jpeg', preprocessing)).toHaveLength(rgb.length);
});

test('an input of another size than the model takes is no image', async () => {
  const format = { encoding: 'jpeg', quality: 90 } as const;
  await expect(encodeInput(new Float32Array(5), preprocessing, format)).rejects.toMatchObject(invalid);
});
