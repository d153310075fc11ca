import { Type } from 'typebox';

/** Sequence numbers, both ends included. */
export interface SequenceRange {
  readonly first: number;
  readonly last: number;
}

export const SequenceSchema = Type.Integer({ minimum: 1, maximum: 2 ** 32 - 1 });
export const SequenceRangeSchema = Type.Object({ first: SequenceSchema, last: SequenceSchema });

/** Most ranges that a set may fall into. */
export const maxSequenceRanges = 64;
/** A set of sequence numbers: ranges in ascending order that do not touch. */
export const SequenceRangesSchema = Type.Array(SequenceRangeSchema, { maxItems: maxSequenceRanges });

/** @returns the set with this range added */
export function withRange(ranges: readonly SequenceRange[], added: SequenceRange): SequenceRange[] {
  const before = ranges.filter(({ last }) => last < added.first - 1);
  const after = ranges.filter(({ first }) => first > added.last + 1);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const first = Math.min(added.first, ...touching.map((range) => range.first));
  const last = Math.max(added.last, ...touching.map((range) => range.last));
  return [...before, { first, last }, ...after];
}

/** @returns whether the whole range is in the set */
export function includesRange(ranges: readonly SequenceRange[], { first, last }: SequenceRange): boolean {
  return ranges.some((range) => range.first <= first && last <= range.last);
}

/** @returns how many numbers of the range are not in the set */
export function countMissing(ranges: readonly SequenceRange[], { first, last }: SequenceRange): number {
  const there = ranges.map((range) => Math.min(last, range.last) - Math.max(first, range.first) + 1);
  return last - first + 1 - there.reduce((sum, count) => sum + Math.max(0, count), 0);
}
