import { describe, expect, test } from 'vitest';
import { repositoryFile } from '../testing/data-folder.ts';
import { readPackage } from './model-package.ts';

/** Measured on the 10,000 test images by `edgent model evaluate`, which writes them into the manifest. */
describe.each(['branchy-alexnet-32', 'branchy-alexnet-128'])('the shipped package %s', (name) => {
  test('has five exits, each worth the layers that it adds', async () => {
    const { manifest } = await readPackage(repositoryFile('models', name));
    const accuracies = manifest.exits.map(({ accuracy }) => accuracy?.top1 ?? 0);
    expect(accuracies).toHaveLength(5);
    expect(accuracies[0]).toBeGreaterThanOrEqual(0.74);
    expect(accuracies[4]).toBeGreaterThanOrEqual(0.83);
    for (const [index, accuracy] of accuracies.slice(1).entries()) {
      expect(accuracy - (accuracies[index] ?? 1)).toBeGreaterThanOrEqual(0.003);
    }
  });

  test('has thresholds for every exit but the deepest, whose measured loss is no more than they stand for', async () => {
    const { manifest } = await readPackage(repositoryFile('models', name));
    const thresholds = manifest.exits.map(({ earlyExit }) => earlyExit?.thresholds ?? []);
    expect(thresholds.map((each) => each.map(({ accuracyLoss }) => accuracyLoss))).toEqual([
      ...Array.from({ length: 4 }, () => [0.0025, 0.005, 0.01, 0.02]),
      [],
    ]);
    for (const { accuracyLoss, measured } of thresholds.flat()) {
      expect(measured.images).toBe(10_000);
      expect(measured.accuracyLoss).toBeLessThanOrEqual(accuracyLoss);
      expect(measured.answered).toBeGreaterThan(0.35);
    }
  });

  test('loses at most half a point at any exit where its input comes as a JPEG file, and one where it is WebP', async () => {
    const { exits, imageEncodings } = (await readPackage(repositoryFile('models', name))).manifest;
    expect(imageEncodings).toMatchObject({ dataset: 'cifar10-test', images: 10_000 });
    for (const [index, { accuracy }] of exits.entries()) {
      const lost = (top1: readonly number[] = []) => (accuracy?.top1 ?? 1) - (top1[index] ?? 0);
      expect(lost(imageEncodings?.jpeg?.top1)).toBeLessThanOrEqual(0.005);
      expect(lost(imageEncodings?.webp?.top1)).toBeLessThanOrEqual(0.01);
    }
  });

  test('is small enough to be shipped', async () => {
    const { bytes } = await readPackage(repositoryFile('models', name));
    expect(bytes.length).toBeLessThanOrEqual(8_000_000);
  });
});
