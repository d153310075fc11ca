import { spawnSync } from 'node:child_process';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { environment } from './environment.ts';

/** Whether a missing program fails its tests instead of having them skipped. */
export const mustRun = environment['CI'] === 'true';

/**
 * Debian's packages belong to Debian's Python, which another one may hide.
 * @returns a Python that has these modules
 */
export function pythonWith(...modules: readonly string[]): string | undefined {
  const program = `import ${modules.join(', ')}`;
  return ['python3', '/usr/bin/python3'].find(
    (each) => spawnSync(each, ['-c', program], { env: environment }).status === 0,
  );
}

export type Answer<T> = { answer: T } | { code: string };

/** Asks the Python side of the wire, all questions in one run. @returns its answers, in order */
export function askPython<T>(python: string, questions: readonly unknown[]): Answer<T>[] {
  const { status, stdout, stderr } = spawnSync(python, [repositoryFile('e2e', 'testing', 'frame_bridge.py')], {
    env: environment,
    input: questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the Python side ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
