import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame } from '../model/frame.ts';
import type { Preprocessing } from '../model/manifest.ts';
import { dataFile } from '../testing/data-folder.ts';
import { readCifar10 } from './cifar10.ts';
import { preprocess, readImage, readImageFolder } from './images.ts';

const preprocessing: Preprocessing = {
  resize: { width: 2, height: 2, kernel: 'linear' },
  channels: 'RGB',
  layout: 'NCHW',
  scale: 1 / 255,
  mean: [0.5, 0, 0.25],
  std: [0.5, 1, 2],
};

const frame: Frame = {
  rgb: Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 102, 153]),
  width: 2,
  height: 2,
  name: 'four pixels',
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-images-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('preprocessing', () => {
  test('scales and normalises each channel into a plane of its own', async () => {
    const values = await preprocess(frame, preprocessing);
    const red = [1, -1, -1, -0.6];
    const green = [0, 1, 0, 0.4];
    const blue = [-0.125, -0.125, 0.375, 0.175];
    for (const [index, value] of [...red, ...green, ...blue].entries()) expect(values[index]).toBeCloseTo(value, 6);
  });

  test('swaps red and blue where the manifest says BGR', async () => {
    const plain = { ...preprocessing, mean: [0, 0, 0], std: [1, 1, 1], scale: 1 };
    const rgb = await preprocess(frame, plain);
    const bgr = await preprocess(frame, { ...plain, channels: 'BGR' });
    expect([...bgr.subarray(0, 4)]).toEqual([...rgb.subarray(8, 12)]);
  });

  test('fills the array that it is given', async () => {
    const target = new Float32Array(12);
    expect(await preprocess(frame, preprocessing, target)).toBe(target);
    expect(target[0]).toBe(1);
  });

  test('resizes a frame of another size', async () => {
    const rgb = new Uint8Array(8 * 6 * 3).fill(128);
    const values = await preprocess({ rgb, width: 8, height: 6, name: 'grey' }, preprocessing);
    expect(values).toHaveLength(12);
    expect(values[4]).toBeCloseTo(128 / 255, 6);
  });

  test('refuses a frame whose bytes do not fit its size', async () => {
    await expect(preprocess({ ...frame, width: 3 }, preprocessing)).rejects.toMatchObject({ code: 'image-unreadable' });
  });
});

describe('image files', () => {
  test('give RGB frames, labelled by their folder where it is one of the labels', async () => {
    for (const label of ['cat', 'misc']) await mkdir(join(folder, 'set', label), { recursive: true });
    const pixels = sharp(frame.rgb, { raw: { width: 2, height: 2, channels: 3 } });
    await pixels
      .clone()
      .png()
      .toFile(join(folder, 'set', 'cat', 'a.png'));
    await pixels
      .clone()
      .jpeg()
      .toFile(join(folder, 'set', 'misc', 'b.jpg'));
    const frames: Frame[] = [];
    for await (const read of readImageFolder(join(folder, 'set'), ['dog', 'cat'])) frames.push(read);
    expect(frames.map((read) => read.label)).toEqual([1, undefined]);
    expect(frames[0]).toMatchObject({ width: 2, height: 2 });
    expect([...(frames[0]?.rgb ?? [])]).toEqual([...frame.rgb]);
  });

  test('in grey and with transparency become RGB', async () => {
    const grey = Uint8Array.from([10, 20, 30, 40]);
    await sharp(grey, { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(folder, 'g.png'));
    expect([...(await readImage(join(folder, 'g.png'), [])).rgb.subarray(0, 6)]).toEqual([10, 10, 10, 20, 20, 20]);
    await sharp(frame.rgb, { raw: { width: 2, height: 2, channels: 3 } })
      .ensureAlpha()
      .png()
      .toFile(join(folder, 'a.png'));
    expect((await readImage(join(folder, 'a.png'), [])).rgb).toHaveLength(12);
  });

  test('that cannot be read are refused', async () => {
    await writeFile(join(folder, 'text.png'), 'no image');
    await expect(readImage(join(folder, 'text.png'), [])).rejects.toMatchObject({ code: 'image-unreadable' });
    await expect(readImageFolder(join(folder, 'none'), []).next()).rejects.toMatchObject({ code: 'image-unreadable' });
  });
});

describe('CIFAR-10 files', () => {
  test('give interleaved frames of their planes, with labels', async () => {
    const record = new Uint8Array(3_073);
    record[0] = 7;
    record.set([1, 2], 1);
    record.set([3, 4], 1 + 1_024);
    record.set([5, 6], 1 + 2_048);
    await writeFile(join(folder, 'two.bin'), Buffer.concat([new Uint8Array(3_073), record]));
    const [read] = await readCifar10(join(folder, 'two.bin'), { offset: 1 });
    expect(read).toMatchObject({ width: 32, height: 32, label: 7 });
    expect([...(read?.rgb.subarray(0, 6) ?? [])]).toEqual([1, 3, 5, 2, 4, 6]);
  });

  test('of another length are refused', async () => {
    await writeFile(join(folder, 'odd.bin'), new Uint8Array(3_072));
    await expect(readCifar10(join(folder, 'odd.bin'))).rejects.toMatchObject({ code: 'image-unreadable' });
    await expect(readCifar10(join(folder, 'none.bin'))).rejects.toMatchObject({ code: 'image-unreadable' });
    await expect(readCifar10(join(folder, 'none.bin.xz'))).rejects.toMatchObject({ code: 'image-unreadable' });
  });

  const plain = dataFile('cifar10', 'test-1000.bin');
  const packed = dataFile('cifar10', 'test.bin.xz');
  test.skipIf(plain === undefined || packed === undefined)('packed by xz hold the same records', async () => {
    const [unpacked, expected] = await Promise.all([
      readCifar10(packed ?? '', { limit: 3 }),
      readCifar10(plain ?? '', { limit: 3 }),
    ]);
    expect(unpacked.map(({ rgb, label }) => ({ rgb, label }))).toEqual(
      expected.map(({ rgb, label }) => ({ rgb, label })),
    );
  });
});
