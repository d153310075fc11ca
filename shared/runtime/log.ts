import { type Logger, pino } from 'pino';

export type Log = Logger;

/** Fields that must never be written, wherever they stand. */
const secretPaths = ['token', 'password', 'authorization', '*.token', '*.password', '*.authorization', 'req.headers.authorization'];

/**
 * @param component whose log it is
 * @param level pino's level, `silent` for tests
 * @returns a log on standard error: standard output belongs to results
 */
export function createLog(component: string, level = 'info'): Log {
  return pino({ name: component, level, redact: secretPaths }, pino.destination({ dest: 2, sync: true }));
}
