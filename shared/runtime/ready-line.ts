/**
 * How a process tells its supervisor that it serves: one line on standard output.
 *
 *   line = "EDGENT-READY " JSON object
 */
const prefix = 'EDGENT-READY ';

/** Says on standard output that this process serves, and where. */
export function announceReady(addresses: Record<string, string>): void {
  process.stdout.write(`${prefix}${JSON.stringify(addresses)}\n`);
}

/** @returns the addresses of a ready line, or undefined where the line is none */
export function parseReadyLine(line: string): Record<string, string> | undefined {
  if (!line.startsWith(prefix)) return undefined;
  const value: unknown = JSON.parse(line.slice(prefix.length));
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, address]) => [key, String(address)]));
}
