import { FleetError } from '../runtime/errors.ts';

/**
 * Whole numbers of 0 to 2^32 − 1 in 1 to 5 bytes: seven bits a byte, least first; the top bit says that another byte
 * follows. A number has one spelling, the shortest.
 *
 *   varint = *( 0x80..0xff ) 0x00..0x7f      the last byte is 0 only where it is the only one; the fifth at most 15
 */
const mostBytes = 5;

/** @returns the bytes that a number takes */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}

/** @returns where the next byte goes */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let end = at;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) {
    target[end] = (rest & 0x7f) | 0x80;
    end += 1;
  }
  target[end] = rest;
  return end + 1;
}

/**
 * @returns the number, which takes `varintBytes` of it
 * @throws {FleetError} `frame-truncated` where the bytes end before it does; `frame-invalid` where it is too large or
 *   spelled at length
 */
export function readVarint(source: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < mostBytes; i += 1) {
    const byte = source[at + i];
    if (byte === undefined) throw new FleetError('frame-truncated', 'a number goes on where the message ends');
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte > 0x7f) continue;
    if (byte === 0 && i > 0) throw new FleetError('frame-invalid', `${value} takes a byte too many`);
    if (value > 0xffff_ffff) break;
    return value;
  }
  throw new FleetError('frame-invalid', 'a number has more than 32 bits');
}
