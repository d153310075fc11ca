import { createHash } from 'node:crypto';
import { FleetError } from '../../shared/runtime/errors.ts';

/** @returns the SHA-256 of a stored text, in hexadecimal: SQLite's own check misses a flipped bit in a payload */
export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @throws {FleetError} `store-damaged` where the text is not the one that was stored */
export function requireIntact(text: string, hash: string, subject: string): string {
  if (contentHash(text) !== hash) throw new FleetError('store-damaged', `${subject} does not match its hash`);
  return text;
}
