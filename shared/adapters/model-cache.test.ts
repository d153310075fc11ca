import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ModelPackage, readPackage } from '../model/model-package.ts';
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

/** A control plane that gives these bytes for every digest. */
function sourceOf(bytes: Uint8Array): ModelCacheOptions['source'] {
  return {
    fetchManifest: async () => {
      fetched.push('manifest');
      return original.manifest;
    },
    fetchModelFile: async () => {
      fetched.push('file');
      return bytes;
    },
  };
}

const away: ModelCacheOptions['source'] = {
  fetchManifest: () => Promise.reject(new FleetError('http-failed', 'the control plane is away')),
  fetchModelFile: () => Promise.reject(new FleetError('http-failed', 'the control plane is away')),
};

test('a package is fetched once, and read from the disk while the control plane is away', async () => {
  const { digest } = original.manifest;
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  const [first, second] = await Promise.all([cache.get(digest), cache.get(digest)]);
  expect(fetched).toEqual(['manifest', 'file']);
  expect(first).toBe(second);
  const kept = await createModelCache({ folder, source: away }).get(digest);
  expect(kept.manifest).toEqual(original.manifest);
  expect(Buffer.compare(kept.bytes, original.bytes)).toBe(0);
});

test('a file of another digest is refused and nothing of it is kept', async () => {
  const changed = Uint8Array.from(original.bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  const cache = createModelCache({ folder, source: sourceOf(changed) });
  await expect(cache.get(original.manifest.digest)).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  expect(await readdir(folder)).toEqual([]);
});

test('a manifest of another model is refused', async () => {
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  await expect(cache.get(`sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'model-digest-mismatch' });
});

test('a digest that is none never becomes a path', async () => {
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  await expect(cache.get('sha256:../../etc')).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  expect(fetched).toEqual([]);
});

test('a package that the disk has damaged is fetched anew', async () => {
  const { digest, file } = original.manifest;
  const cache = createModelCache({ folder, source: sourceOf(original.bytes) });
  const { folder: home } = await cache.get(digest);
  await writeFile(join(home, file), 'no model');
  expect(Buffer.compare((await cache.get(digest)).bytes, original.bytes)).toBe(0);
  expect(fetched).toHaveLength(4);
});
