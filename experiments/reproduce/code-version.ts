import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Type } from 'typebox';

/** The git commit of a checkout, with `-dirty` after it where its files are others; null: there is no git. */
export const CodeSchema = Type.Union([Type.Null(), Type.String()]);

/** The checkout's root; experiments run from dist/experiments/reproduce. */
const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

/**
 * @param folder of the checkout
 * @returns its commit, with `-dirty` after it where any file but the report's is another; null where the folder is no
 *   checkout of its own or there is no git
 */
export async function readCode(folder = root): Promise<string | null> {
  const git = ['--no-optional-locks', '-C', folder];
  const head = await run('git', [...git, 'rev-parse', '--show-cdup', 'HEAD']).catch(() => null);
  const [up, commit] = head?.stdout.split('\n') ?? [];
  // A copy without git inside another checkout is not of that checkout's commit.
  if (up !== '' || commit === undefined) return null;
  // A run writes its report while it goes on: that changes no code.
  const others = ['status', '--porcelain', '--', '.', ':(exclude)experiments/report'];
  const { stdout } = await run('git', [...git, ...others]);
  return stdout === '' ? commit : `${commit}-dirty`;
}

const shownDigits = 10;

/** @returns a commit as a reader is told it, and that there was no git or nothing was recorded */
export function codeInWords(code: string | null | undefined): string {
  if (code === undefined) return 'code not recorded';
  if (code === null) return 'no git';
  const [commit = '', ...state] = code.split('-');
  return [commit.slice(0, shownDigits), ...state].join('-');
}
