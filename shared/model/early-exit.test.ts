import { beforeAll, describe, expect, test } from 'vitest';
import { repositoryFile } from '../testing/data-folder.ts';
import { isCalibratedFor, thresholdOf } from './early-exit.ts';
import type { Manifest } from './manifest.ts';
import { readManifest } from './model-package.ts';

describe('the threshold for a loss of accuracy', () => {
  let manifest: Manifest;
  beforeAll(async () => {
    manifest = await readManifest(repositoryFile('models', 'branchy-alexnet-32'));
  });

  test('is that of the greatest loss that was calibrated and is no greater', () => {
    const [exit1] = manifest.exits;
    if (exit1 === undefined) throw new Error('no exit');
    const [least, half, , most] = exit1.earlyExit?.thresholds ?? [];
    expect(thresholdOf(exit1, 0.005)).toBe(half?.entropy);
    expect(thresholdOf(exit1, 0.0099)).toBe(half?.entropy);
    expect(thresholdOf(exit1, 0.0049)).toBe(least?.entropy);
    expect(thresholdOf(exit1, 1)).toBe(most?.entropy);
    expect(thresholdOf(exit1, 0.0001)).toBeUndefined();
  });

  test('is there or not for a package as a whole', () => {
    expect([0.0025, 0.0024].map((loss) => isCalibratedFor(manifest, loss))).toEqual([true, false]);
  });
});
