import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryFile } from '../testing/data-folder.ts';
import { type Manifest, manifestParser } from './manifest.ts';
import { checkPackage, readManifest, readPackage, writeManifest } from './model-package.ts';
import { readModelBytes } from './read-model.ts';

const source = repositoryFile('models', 'branchy-alexnet-32');
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
    const changed = { ...manifest, exits: manifest.exits.map((exit) => ({ ...exit, accuracy: measured })) };
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

  test('that is no JSON is refused', () => {
    expect(() => manifestParser.parseJson('{"name": ')).toThrow(
      expect.objectContaining({ code: 'model-manifest-invalid' }),
    );
  });
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
