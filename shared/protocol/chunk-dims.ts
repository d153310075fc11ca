import { FleetError } from '../runtime/errors.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';
import { bytesOnWire, type WireEncoding } from './wire-encoding.ts';

/** Dimensions as a chunk's header has them: one varint each, outermost first. */

export const maxRank = 8;
const mostTensorBytes = 0xffff_ffff;

/** @returns the bytes that they take */
export function dimsBytes(dims: readonly number[]): number {
  let bytes = 0;
  for (const size of dims) bytes += varintBytes(size);
  return bytes;
}

/** @returns where the next byte goes */
export function writeDims(target: Uint8Array, at: number, dims: readonly number[]): number {
  let end = at;
  for (const size of dims) end = writeVarint(target, end, size);
  return end;
}

/** @throws {FleetError} `frame-truncated`, `frame-invalid` */
export function readDims(source: Uint8Array, at: number, rank: number): number[] {
  const dims: number[] = [];
  let end = at;
  for (let axis = 0; axis < rank; axis += 1) {
    const size = readVarint(source, end);
    dims.push(size);
    end += varintBytes(size);
  }
  return dims;
}

/**
 * @returns bytes of a whole tensor of this shape, encoded
 * @throws {FleetError} `frame-invalid` where they have more than 32 bits
 */
export function tensorBytesOf(dims: readonly number[], encoding: WireEncoding): number {
  let elements = 1;
  for (const size of dims) elements *= size;
  const bytes = bytesOnWire(encoding, elements);
  if (bytes > mostTensorBytes) throw new FleetError('frame-invalid', `[${dims}] in ${encoding} is too large a tensor`);
  return bytes;
}
