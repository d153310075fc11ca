import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeInWords, readCode } from './code-version.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'code-'));
});
afterEach(() => rm(folder, { recursive: true }));

const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
const git = (...words: string[]): string =>
  execFileSync('git', ['-C', folder, ...identity, ...words], { encoding: 'utf8' });

async function checkout(): Promise<string> {
  git('init', '--quiet');
  await mkdir(join(folder, 'experiments', 'report'), { recursive: true });
  await writeFile(join(folder, 'a.ts'), '1');
  await writeFile(join(folder, 'experiments', 'report', 'report.md'), '1');
  git('add', '.');
  git('commit', '--quiet', '--message', 'a');
  return git('rev-parse', 'HEAD').trim();
}

test('code is known by its commit, whatever was written into the report’s folder', async () => {
  const commit = await checkout();
  await writeFile(join(folder, 'experiments', 'report', 'report.md'), '2');
  expect(await readCode(folder)).toBe(commit);
});

test('changed and new files make it dirty', async () => {
  const commit = await checkout();
  await writeFile(join(folder, 'b.ts'), '1');
  expect(await readCode(folder)).toBe(`${commit}-dirty`);
  await rm(join(folder, 'b.ts'));
  await writeFile(join(folder, 'a.ts'), '2');
  expect(await readCode(folder)).toBe(`${commit}-dirty`);
});

test('a folder without git, or inside a checkout that is another’s, has none', async () => {
  expect(await readCode(folder)).toBeNull();
  await checkout();
  expect(await readCode(join(folder, 'experiments'))).toBeNull();
});

test('a reader is told the first digits of a commit, or why there are none', () => {
  expect(codeInWords('0123456789abcdef-dirty')).toBe('0123456789-dirty');
  expect([codeInWords(null), codeInWords(undefined)]).toEqual(['no git', 'code not recorded']);
});
