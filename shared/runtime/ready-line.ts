import { Type } from 'typebox';
import { createParser } from './schema.ts';

/**
 * How a process tells its supervisor that it serves: one line on standard output.
 *
 *   line = "EDGENT-READY " JSON object of strings
 */
const prefix = 'EDGENT-READY ';
const addressesParser = createParser(Type.Record(Type.String(), Type.String()), 'process-failed', 'ready line');

/** Says on standard output that this process serves, and where. */
export function announceReady(addresses: Record<string, string>): void {
  process.stdout.write(`${prefix}${JSON.stringify(addresses)}\n`);
}

/** @returns the addresses of a ready line, or undefined where the line is none or was cut off */
export function parseReadyLine(line: string): Record<string, string> | undefined {
  if (!line.startsWith(prefix)) return undefined;
  try {
    return addressesParser.parseJson(line.slice(prefix.length));
  } catch {
    return undefined;
  }
}
