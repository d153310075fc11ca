import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryFile } from '../testing/data-folder.ts';
import { type Manifest, manifestParser } from './manifest.ts';
import { checkPackage, readManifest, readPackage, writeManifest } from './model-package.ts';
import { readModelBytes } from './read-model.ts';

const source = repositoryFile('models', 'branchy-alexnet-32');

/** @returns accuracies of that many layers' cuts */
function encodedAs(layers: number): Pick<Manifest['exits'][number], 'encodedAccuracy'> {
  const all = Array.from({ length: layers + 1 }, () => 0.5);
  return { encodedAccuracy: { dataset: 'cifar10-test', images: 1_000, f16: all, u8: all } };
}

let folder = '';
let manifest: Manifest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-package-'));
  manifest = await readManifest(source);
  await copyFile(join(source, manifest.file), join(folder, manifest.file));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a manifest', () => {
  test('written and read again is the same, and leaves no draft behind', async () => {
    const measured = { dataset: 'cifar10-test', images: 1_000, top1: 0.5 };
    const exits = manifest.exits.map((exit) => ({ ...exit, accuracy: measured, ...encodedAs(exit.nodes) }));
    const changed = { ...manifest, exits };
    await writeManifest(folder, changed);
    expect((await readPackage(folder)).manifest).toEqual(changed);
    expect((await readdir(folder)).sort()).toEqual(['manifest.json', manifest.file].sort());
  });

  test('that does not fit is refused with the name of the field, before anything is written', async () => {
    await writeManifest(folder, manifest);
    const cases = [
      { ...manifest, digest: 'sha256:00' },
      { ...manifest, file: '../model.onnx' },
      { ...manifest, exits: [] },
      { ...manifest, preprocessing: { ...manifest.preprocessing, std: [1, 0, 1] } },
    ];
    for (const wrong of cases) {
      await expect(writeManifest(folder, wrong)).rejects.toMatchObject({ code: 'model-manifest-invalid' });
    }
    await expect(writeManifest(folder, { ...manifest, labels: [] })).rejects.toThrow('/labels');
    expect(await readManifest(folder)).toEqual(manifest);
  });

  test('with thresholds of another model than its own is refused, and says so', async () => {
    const exits = manifest.exits.map(({ earlyExit, ...exit }) => ({
      ...exit,
      ...(earlyExit && { earlyExit: { ...earlyExit, modelDigest: `sha256:${'0'.repeat(64)}` } }),
    }));
    const bytes = await readModelBytes(join(folder, manifest.file));
    expect(() => checkPackage({ ...manifest, exits }, bytes)).toThrow('/exits/0/earlyExit is of another model');
    expect(() => checkPackage(manifest, bytes)).not.toThrow();
  });

  test('says what the input costs as an image, for each exit or not at all', async () => {
    const jpeg = { quality: 95, meanBytes: 1100.5, p95Bytes: 1300, top1: manifest.exits.map(() => 0.5) };
    const withJpeg = (measured: typeof jpeg) => ({
      ...manifest,
      imageEncodings: { dataset: 'cifar10-test', images: 10_000, jpeg: measured },
    });
    await writeManifest(folder, withJpeg(jpeg));
    expect((await readPackage(folder)).manifest).toEqual(withJpeg(jpeg));
    await writeManifest(folder, withJpeg({ ...jpeg, top1: [0.5] }));
    await expect(readPackage(folder)).rejects.toMatchObject({ code: 'model-manifest-invalid' });
    await expect(writeManifest(folder, withJpeg({ ...jpeg, quality: 0 }))).rejects.toThrow(
      '/imageEncodings/jpeg/quality',
    );
    await writeManifest(folder, manifest);
  });

  test('that is no JSON is refused', () => {
    expect(() => manifestParser.parseJson('{"name": ')).toThrow(
      expect.objectContaining({ code: 'model-manifest-invalid' }),
    );
  });

  test('without accuracies, or with those of whole exits alone, is valid', async () => {
    const exits = manifest.exits.map(({ name, paperLayers, nodes }) => ({ name, paperLayers, nodes }));
    await writeManifest(folder, { ...manifest, exits });
    expect((await readPackage(folder)).manifest.exits).toEqual(exits);
    const accuracy = { dataset: 'cifar10-test', images: 1_000, top1: 0.5 };
    const whole = exits.map((exit) => ({ ...exit, accuracy }));
    await writeManifest(folder, { ...manifest, exits: whole });
    expect((await readPackage(folder)).manifest.exits).toEqual(whole);
  });
});

/** Half a point counts as equal where plans are compared: so much a cut may cost. */
const largestLoss = 0.005;

describe('the manifest of a shipped package', () => {
  for (const name of ['branchy-alexnet-32', 'branchy-alexnet-128']) {
    test(`${name} has the accuracy of every exit, cut and encoding, over all test images`, async () => {
      const { exits } = (await readPackage(repositoryFile('models', name))).manifest;
      for (const { nodes, accuracy, encodedAccuracy } of exits) {
        const source = { dataset: 'cifar10-test', images: 10_000 };
        expect([accuracy, encodedAccuracy]).toMatchObject([source, source]);
        expect([encodedAccuracy?.f16.length, encodedAccuracy?.u8.length]).toEqual([nodes + 1, nodes + 1]);
        expect([encodedAccuracy?.f16[nodes], encodedAccuracy?.u8[nodes]]).toEqual([accuracy?.top1, accuracy?.top1]);
      }
    });

    test(`${name} loses at most half a point by f16 and by u8, at any cut`, async ({ annotate }) => {
      const { exits } = await readManifest(repositoryFile('models', name));
      for (const encoding of ['f16', 'u8'] as const) {
        const losses = exits.flatMap(({ accuracy, encodedAccuracy }) =>
          (encodedAccuracy?.[encoding] ?? [0]).map((encoded) => (accuracy?.top1 ?? Number.NaN) - encoded),
        );
        const worst = Math.max(...losses);
        await annotate(`${name}, ${encoding}: at most ${(100 * worst).toFixed(2)} points over ${losses.length} cuts`);
        expect(worst).toBeLessThanOrEqual(largestLoss);
      }
    });
  }
});

describe('a package', () => {
  test('whose model is another file than the manifest names is refused', async () => {
    await writeManifest(folder, { ...manifest, digest: `sha256:${'0'.repeat(64)}` });
    await expect(readPackage(folder)).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  });

  test('whose manifest counts layers or names exits otherwise than the model is refused', async () => {
    const bytes = await readModelBytes(join(source, manifest.file));
    const invalid = expect.objectContaining({ code: 'model-manifest-invalid' });
    const miscounted = manifest.exits.map((exit) => ({ ...exit, nodes: exit.nodes + 1 }));
    expect(() => checkPackage({ ...manifest, exits: miscounted }, bytes)).toThrow(invalid);
    const shortened = manifest.exits.map((exit) => ({ ...exit, ...encodedAs(exit.nodes - 1) }));
    expect(() => checkPackage({ ...manifest, exits: shortened }, bytes)).toThrow(invalid);
    const renamed = manifest.exits.map((exit) => ({ ...exit, name: `${exit.name}x` }));
    expect(() => checkPackage({ ...manifest, exits: renamed }, bytes)).toThrow(invalid);
    expect(() => checkPackage({ ...manifest, input: { ...manifest.input, name: 'x' } }, bytes)).toThrow(invalid);
  });

  test('that lacks its manifest or its model is "not-found"', async () => {
    await expect(readPackage(join(folder, 'none'))).rejects.toMatchObject({ code: 'not-found' });
    await writeManifest(folder, { ...manifest, file: 'other.onnx' });
    await expect(readPackage(folder)).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(join(folder, 'other.onnx'), 'no model');
    await expect(readPackage(folder)).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  });
});
