import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entropyOf } from '../../shared/model/entropy.ts';
import { readManifest, readPackage } from '../../shared/model/model-package.ts';
import { dataFile, repositoryFile } from '../../shared/testing/data-folder.ts';
import { calibrateExits, type ExitAnswers } from './measure-early-exits.ts';
import { calibrate, storeThresholds } from './model-calibrate.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const packaged = repositoryFile('models', 'branchy-alexnet-32');
const ignored = (): void => undefined;

describe('calibrating exits', () => {
  const count = 4000;
  /** The surer the exit is, the more often it is right; the deeper one always is. */
  function exitsWith(isWrong: (image: number) => boolean): ExitAnswers[] {
    const entropy = Float64Array.from({ length: count }, (_, image) => Math.floor(image / 2) / 1000);
    const isRight = Uint8Array.from({ length: count }, (_, image) => (isWrong(image) ? 0 : 1));
    return [
      { name: 'early', entropy, isRight },
      { name: 'deep', entropy, isRight: new Uint8Array(count).fill(1) },
    ];
  }

  test('takes the threshold that either half allows by itself, and tells what it does to all images', () => {
    const isWrong = (image: number): boolean => image % 2 === 1 && image > 1000 && image % 20 === 1;
    const [early, ...others] = calibrateExits(exitsWith(isWrong), [0.01]);
    expect(others).toEqual([]);
    const [threshold] = early?.thresholds ?? [];
    const { entropy = 0, measured } = threshold ?? {};
    // Of the even images alone, where the exit is never wrong, all but the last would pass.
    expect(entropy).toBeLessThan(1);
    expect(measured?.answered).toBeCloseTo(entropy / 2, 2);
    expect(measured).toMatchObject({ images: count });
    expect(measured?.accuracyLoss).toBeLessThan(0.005);
    // Under the threshold of the even images the odd ones lose a tenth of what comes behind the first thousand.
    expect(measured?.heldOutLoss).toBeGreaterThan(0.03);
  });

  test('answers more images the more may be lost', () => {
    const [early] = calibrateExits(
      exitsWith((image) => image % 7 === 0 && image > 500),
      [0, 0.01, 0.05],
    );
    const answered = early?.thresholds.map(({ measured }) => measured.answered) ?? [];
    expect(answered).toHaveLength(3);
    expect(answered).toEqual(answered.toSorted((a, b) => a - b));
    expect(new Set(answered).size).toBe(3);
  });
});

describe.skipIf(images === undefined)('edgent model calibrate', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgent-calibrate-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('measures all exits but the deepest with the model itself, and stores their thresholds in the manifest', async () => {
    const copy = join(folder, 'package');
    await cp(packaged, copy, { recursive: true });
    const calibration = await calibrate(copy, { images: images ?? '', losses: [0.02, 0.05] }, ignored);
    expect(calibration.exits.map(({ name }) => name)).toEqual(['exit1', 'exit2', 'exit3', 'exit4']);
    for (const { thresholds } of calibration.exits) {
      for (const { accuracyLoss, entropy, measured } of thresholds) {
        expect(entropy).toBeLessThan(entropyOf(new Float32Array(10)));
        expect(measured.images).toBe(1000);
        expect(measured.accuracyLoss).toBeLessThanOrEqual(accuracyLoss);
        expect(measured.answered).toBeGreaterThan(0.1);
      }
    }
    await storeThresholds(copy, calibration);
    const { manifest } = await readPackage(copy);
    const [exit1, , , , exit5] = manifest.exits;
    expect(exit1?.earlyExit).toMatchObject({ dataset: 'cifar10-test-1000', modelDigest: manifest.digest });
    expect(exit1?.earlyExit?.thresholds).toEqual(calibration.exits[0]?.thresholds);
    expect(exit5?.earlyExit).toBeUndefined();
    expect(exit1?.accuracy).toEqual((await readManifest(packaged)).exits[0]?.accuracy);
  });

  test('refuses so few images that half a point is no image', async () => {
    const few = calibrate(packaged, { images: images ?? '', limit: 399, losses: [0.01] }, ignored);
    await expect(few).rejects.toMatchObject({ code: 'usage' });
  });
});
