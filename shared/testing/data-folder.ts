import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root; tests run from dist/shared/testing. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** @returns a file of the checkout that tests read */
export function repositoryFile(...parts: readonly string[]): string {
  return join(repositoryRoot, ...parts);
}

/**
 * A file of the public data sets: in EDGENT_DATA, by default ../shared/data beside the checkout.
 * @returns undefined where it is absent: the test that needs it is then skipped by name
 * @throws Error under CI=true, where nothing may be skipped
 */
export function dataFile(...parts: readonly string[]): string | undefined {
  // biome-ignore lint/style/noProcessEnv: tests have no main.ts that could pass settings in.
  const { EDGENT_DATA, CI } = process.env;
  const path = join(EDGENT_DATA || join(repositoryRoot, '..', 'shared', 'data'), ...parts);
  if (existsSync(path)) return path;
  if (CI === 'true') throw new Error(`${path} is missing, and under CI=true no test is skipped`);
  return undefined;
}
