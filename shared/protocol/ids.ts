import { FleetError } from '../runtime/errors.ts';

const idPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The pattern of every id, as JSON schemas quote it. */
export const idPatternSource = idPattern.source;

/** @returns whether `text` may name a device or a worker: it becomes a topic level, a file name and an MQTT client id */
export function isId(text: string): boolean {
  return idPattern.test(text);
}

/** @throws {FleetError} `id-invalid` */
export function requireId(text: string): string {
  if (!isId(text)) throw new FleetError('id-invalid', `"${text.slice(0, 80)}" is no valid id`);
  return text;
}
