import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryRoot } from '../../shared/testing/data-folder.ts';

/**
 * The checkout's own files: everything but .git and what .gitignore names (a folder as `name/`, an ending as `*.end`).
 * Found by a walk, so that an unpacked archive is checked as a clone is.
 * @returns paths from the root, sorted
 */
export async function listCheckoutFiles(): Promise<readonly string[]> {
  const ignored = (await readFile(join(repositoryRoot, '.gitignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  const files = await walk(repositoryRoot, ['.git', ...ignored]);
  return files.map((path) => relative(repositoryRoot, path)).sort();
}

async function walk(folder: string, ignored: readonly string[]): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries.filter(({ name }) => !ignored.some((pattern) => ignores(pattern, name)));
  const found = own.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path, ignored) : [path];
  });
  return (await Promise.all(found)).flat();
}

function ignores(pattern: string, name: string): boolean {
  return pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern.replace(/\/$/, '');
}
