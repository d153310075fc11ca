import { fileURLToPath } from 'node:url';

const endWithParent = fileURLToPath(new URL('end-with-parent.js', import.meta.url));

/**
 * @param script compiled main file of a component
 * @returns what Node is started with, so that the component ends with the process that started it, even where that
 *   was killed; it must be given an `ipc` channel
 */
export function componentArguments(script: string): string[] {
  return ['--import', endWithParent, script];
}
