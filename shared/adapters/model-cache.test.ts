import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, type ModelPackage, readPackage } from '../model/model-package.ts';
import { FleetError } from '../runtime/errors.ts';
import { createModelCache, type ModelCacheOptions } from './model-cache.ts';

let folder: string;
let original: ModelPackage;
let fetched: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-cache-'));
  original = await readPackage(join(import.meta.dirname, '../../../models/branchy-alexnet-32'));
  fetched = [];
});

afterEach(() => rm(folder, { recursive: true }));

/** A control plane that gives these bytes, and this manifest, for every digest. */
function sourceOf(bytes: Uint8Array, manifest: object = original.manifest): ModelCacheOptions['source'] {
  return {
    fetchManifest: async () => {
      fetched.push('manifest');
      return textOf(manifest);
    },
    fetchModelFile: async () => {
      fetched.push('file');
      return bytes;
    },
  };
}

const textOf = (manifest: object): Uint8Array => Buffer.from(JSON.stringify(manifest));

const away: ModelCacheOptions['source'] = {
  fetchManifest: () => Promise.reject(new FleetError('http-failed', 'the control plane is away')),
  fetchModelFile: () => Promise.reject(new FleetError('http-failed', 'the control plane is away')),
};

test('a package is fetched once, and read from the disk while the control plane is away', async () => {
  const { digest } = original.manifest;
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  const [first, second] = await Promise.all([cache.get({ digest }), cache.get({ digest })]);
  expect(fetched).toEqual(['manifest', 'file']);
  expect(first).toBe(second);
  const kept = await createModelCache({ folder, source: away }).get({ digest });
  expect(kept.manifest).toEqual(original.manifest);
  expect(Buffer.compare(kept.bytes, original.bytes)).toBe(0);
});

test('a file of another digest is refused and nothing of it is kept', async () => {
  const changed = Uint8Array.from(original.bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  const cache = createModelCache({ folder, source: sourceOf(changed) });
  await expect(cache.get({ digest: original.manifest.digest })).rejects.toMatchObject({
    code: 'model-digest-mismatch',
  });
  expect(await readdir(folder)).toEqual([]);
});

test('a manifest of another model is refused', async () => {
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  await expect(cache.get({ digest: `sha256:${'0'.repeat(64)}` })).rejects.toMatchObject({
    code: 'model-digest-mismatch',
  });
});

test('a digest that is none never becomes a path', async () => {
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  await expect(cache.get({ digest: 'sha256:../../etc' })).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  expect(fetched).toEqual([]);
});

test('a package that the disk has damaged is fetched anew', async () => {
  const { digest, file } = original.manifest;
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  const { folder: home } = await cache.get({ digest });
  await writeFile(join(home, file), 'no model');
  expect(Buffer.compare((await cache.get({ digest })).bytes, original.bytes)).toBe(0);
  expect(fetched).toHaveLength(4);
});

describe('a manifest that was renewed under the same model', () => {
  const renewed = () => ({ ...original.manifest, labels: original.manifest.labels.map((label) => `${label}!`) });
  const manifestDigest = () => digestOf(textOf(renewed()));

  /** A cache that holds the model with its first manifest. */
  async function filled(): Promise<{ digest: string }> {
    const { digest } = original.manifest;
    await createModelCache({ folder, source: sourceOf(original.bytes) }).get({ digest });
    fetched = [];
    return { digest };
  }

  test('is fetched by itself, once, and kept', async () => {
    const { digest } = await filled();
    const cache = createModelCache({ folder, source: sourceOf(original.bytes, renewed()) });
    const found = await cache.get({ digest, manifestDigest: manifestDigest() });
    expect(found).toMatchObject({ manifest: renewed(), manifestDigest: manifestDigest() });
    expect(fetched).toEqual(['manifest']);
    const again = await createModelCache({ folder, source: away }).get({ digest, manifestDigest: manifestDigest() });
    expect(again).toMatchObject({ manifest: renewed(), manifestDigest: manifestDigest() });
    expect(Buffer.compare(again.bytes, original.bytes)).toBe(0);
  });

  test('is not asked for by who names none', async () => {
    const { digest } = await filled();
    const cache = createModelCache({ folder, source: sourceOf(original.bytes, renewed()) });
    expect((await cache.get({ digest })).manifest).toEqual(original.manifest);
    expect(fetched).toEqual([]);
  });

  test('may name the file otherwise', async () => {
    const { digest } = await filled();
    const manifest = { ...renewed(), file: 'other.onnx' };
    const wanted = { digest, manifestDigest: digestOf(textOf(manifest)) };
    await createModelCache({ folder, source: sourceOf(original.bytes, manifest) }).get(wanted);
    expect((await createModelCache({ folder, source: away }).get(wanted)).manifest.file).toBe('other.onnx');
  });

  test('gives way to the one that is kept for as long as the control plane is away', async () => {
    const { digest } = await filled();
    const wanted = { digest, manifestDigest: manifestDigest() };
    const found = await createModelCache({ folder, source: away }).get(wanted);
    expect(found.manifest).toEqual(original.manifest);
    expect(found.manifestDigest).not.toBe(wanted.manifestDigest);
    const later = await createModelCache({ folder, source: sourceOf(original.bytes, renewed()) }).get(wanted);
    expect(later.manifest).toEqual(renewed());
  });

  test('is refused where it does not fit the model, and the one that is kept stays', async () => {
    const { digest } = await filled();
    const misfit = { ...renewed(), input: { ...original.manifest.input, name: 'other' } };
    const wanted = { digest, manifestDigest: manifestDigest() };
    const asked = createModelCache({ folder, source: sourceOf(original.bytes, misfit) }).get(wanted);
    await expect(asked).rejects.toMatchObject({ code: 'model-manifest-invalid' });
    expect((await createModelCache({ folder, source: away }).get({ digest })).manifest).toEqual(original.manifest);
  });
});
