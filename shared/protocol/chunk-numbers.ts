import { FleetError } from '../runtime/errors.ts';

const bytes = ['exit', 'tensorIndex', 'tensorCount'] as const;
const words = ['partition', 'chunkIndex', 'chunkCount'] as const;
const longWords = [
  'boot',
  'sequence',
  'timeLeftUs',
  'spreadUs',
  'spreadBytes',
  'queueUs',
  'computeUs',
  'totalUs',
] as const;

/** The numbers of a chunk's header that have a field of fixed width. */
export type ChunkNumbers = Readonly<
  Record<(typeof bytes)[number] | (typeof words)[number] | (typeof longWords)[number], number>
>;

/**
 * A number that wrapped around would say something else at the other end.
 * @throws {FleetError} `frame-invalid`
 */
export function requireFitting(header: ChunkNumbers): void {
  for (const field of bytes) requireAtMost(header[field], 0xff, field);
  for (const field of words) requireAtMost(header[field], 0xffff, field);
  for (const field of longWords) requireAtMost(header[field], 0xffff_ffff, field);
}

/** @throws {FleetError} `frame-invalid` */
export function requireAtMost(value: number, largest: number, field: string): void {
  if (!(value >= 0 && value <= largest)) throw new FleetError('frame-invalid', `${field} ${value} does not fit`);
}
