import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeFile, writeAtomically } from './write-atomically.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a file is written in a folder that is made for it, and replaced as a whole', async () => {
  const path = join(folder, 'a', 'b', 'file');
  await writeAtomically(path, 'old');
  await writeAtomically(path, new TextEncoder().encode('new'));
  expect(await readFile(path, 'utf8')).toBe('new');
  await removeFile(path);
  await removeFile(path);
  expect(await readdir(join(folder, 'a', 'b'))).toEqual([]);
});

test('where a file stands in the way of the folder, the error has a code and names the file', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'mine');
  const within = join(file, 'head.onnx');
  const refusal = { code: 'file-unwritable', message: expect.stringContaining(within) };
  await expect(writeAtomically(within, 'x')).rejects.toMatchObject(refusal);
  await expect(removeFile(within)).rejects.toMatchObject(refusal);
  await expect(writeAtomically(folder, 'x')).rejects.toMatchObject({ code: 'file-unwritable' });
  expect(await readFile(file, 'utf8')).toBe('mine');
});
