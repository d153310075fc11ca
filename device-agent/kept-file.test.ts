import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createKeptFile } from './kept-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function setUp(name: string) {
  const clock = createFakeClock();
  const path = join(folder, name);
  const warnings: string[] = [];
  const written: number[] = [];
  let value = 0;
  const file = createKeptFile({
    path,
    leastGapMs: 1000,
    content() {
      written.push(value);
      return { value };
    },
    clock,
    log: { warn: (_, message) => void warnings.push(message) },
  });
  const change = (): void => {
    value += 1;
    file.changed();
  };
  return { clock, path, warnings, written, file, change };
}

test('many changes are few writes, and the last one is on disk in the end', async () => {
  const { clock, path, written, file, change } = setUp('a.json');
  for (let i = 0; i < 25; i += 1) {
    change();
    clock.advance(100);
  }
  await file.close();
  expect(written).toEqual([1, 10, 20, 25]);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ value: 25 });
});

test('a file that cannot be written is told of and stops nothing', async () => {
  const { file, change, warnings } = setUp('b.json/\0');
  change();
  await file.close();
  expect(warnings).toEqual(['file cannot be written']);
});
