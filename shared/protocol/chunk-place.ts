import { FleetError } from '../runtime/errors.ts';
import { bytesOnWire, type WireEncoding } from './wire-encoding.ts';

/** Where a chunk stands in its tensor. */
export interface ChunkPlace {
  encoding: WireEncoding;
  /** Of the whole tensor, encoded. */
  tensorBytes: number;
  byteOffset: number;
  chunkIndex: number;
  chunkCount: number;
}

const mostChunks = 0xffff;

/**
 * @param stepBytes the payload of every chunk but the last
 * @returns the place of one chunk of a tensor that is cut into such steps
 * @throws {FleetError} `frame-invalid` where there is no such chunk, or the step is none: an empty tensor has step 0,
 *   any other a whole number of elements and no more than it holds
 */
export function placeInTensor(
  { encoding, tensorBytes, chunkIndex }: Pick<ChunkPlace, 'encoding' | 'tensorBytes' | 'chunkIndex'>,
  stepBytes: number,
): ChunkPlace {
  const isStep = stepBytes <= tensorBytes && stepBytes % bytesOnWire(encoding, 1) === 0 && stepBytes > 0;
  const chunkCount = tensorBytes === 0 ? 1 : Math.ceil(tensorBytes / stepBytes);
  if (!(isStep || (tensorBytes === 0 && stepBytes === 0)) || chunkCount > mostChunks || chunkIndex >= chunkCount) {
    throw new FleetError(
      'frame-invalid',
      `there is no chunk ${chunkIndex} of ${tensorBytes} bytes in steps of ${stepBytes}`,
    );
  }
  return { encoding, tensorBytes, byteOffset: chunkIndex * stepBytes, chunkIndex, chunkCount };
}

/**
 * @returns the payload bytes of every chunk of this tensor but the last, as one chunk tells it: chunks that agree
 * on it cover the tensor without overlap or hole
 * @throws {FleetError} `frame-invalid` where the chunk is not where its index says
 */
export function chunkStepBytes(place: ChunkPlace, payloadBytes: number): number {
  const { chunkIndex, chunkCount, byteOffset, tensorBytes } = place;
  const isLast = chunkIndex === chunkCount - 1;
  const step = isLast && chunkIndex > 0 ? byteOffset / chunkIndex : payloadBytes;
  const width = bytesOnWire(place.encoding, 1);
  const fits =
    step % width === 0 &&
    byteOffset === chunkIndex * step &&
    payloadBytes === Math.min(step, tensorBytes - byteOffset) &&
    (chunkCount === 1 || step * (chunkCount - 1) < tensorBytes) &&
    step * chunkCount >= tensorBytes;
  if (!fits) {
    throw new FleetError(
      'frame-invalid',
      `chunk ${chunkIndex} of ${chunkCount} holds ${payloadBytes} bytes at ${byteOffset} of ${tensorBytes}`,
    );
  }
  return step;
}
