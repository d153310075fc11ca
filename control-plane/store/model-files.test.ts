import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { digestOf } from '../../shared/model/model-package.ts';
import { temporaryFolder } from '../testing/start-control-plane.ts';
import { createModelFiles } from './model-files.ts';

const bytes = Buffer.from('an ONNX file');
const digest = digestOf(bytes);

test('a file is read as it was stored', async () => {
  const files = createModelFiles(await temporaryFolder());
  await files.put(digest, bytes);
  const opened = await files.open(digest);
  expect(opened.bytes).toBe(bytes.length);
  expect(await buffer(opened.stream)).toEqual(bytes);
});

test('a file that was damaged is noticed, also after it was read, and mended by the next import', async () => {
  const folder = await temporaryFolder();
  const files = createModelFiles(folder);
  await files.put(digest, bytes);
  (await files.open(digest)).stream.destroy();
  writeFileSync(join(folder, readdirSync(folder)[0] ?? ''), 'another file');
  await expect(files.open(digest)).rejects.toMatchObject({ code: 'store-damaged' });
  await files.put(digest, bytes);
  expect(await buffer((await files.open(digest)).stream)).toEqual(bytes);
});

test('a file that is missing is not found', async () => {
  const files = createModelFiles(await temporaryFolder());
  await expect(files.open(digest)).rejects.toMatchObject({ code: 'not-found' });
});
