import { type Logger, pino } from 'pino';
import type { LogLevel } from './log-level.ts';

export type Log = Logger;

/** Names of fields that must never be written, wherever they stand. */
const secretName = /(token|password|authorization|cookie|secret|private-?key)$/i;
/** An access token inside a text, an error's message for one. */
const tokenText = /edgent1\.[\w-]+\.[\w-]+/g;
/** Lines without any of it are written as they are. */
const maybeSecret = /token|password|authorization|cookie|secret|private-?key|edgent1\./i;
const censored = '[Redacted]';

/**
 * Fields whose name says that they are secret are blackened at any depth, and access tokens in any text.
 * @param component whose log it is
 * @param level pino's level, `silent` for tests
 * @returns a log on standard error: standard output belongs to results
 */
export function createLog(component: string, level: LogLevel = 'info'): Log {
  const standardError = pino.destination({ dest: 2, sync: true });
  return pino({ name: component, level }, { write: (line) => void standardError.write(censor(line)) });
}

/** Works on the line as it would be written: what was bound, nested or serialised from an object comes by here too. */
function censor(line: string): string {
  if (!maybeSecret.test(line)) return line;
  const text = JSON.stringify(JSON.parse(line), (name, value: unknown) => {
    return secretName.test(name) && value !== null && typeof value !== 'boolean' ? censored : value;
  });
  return `${text.replace(tokenText, censored)}\n`;
}
