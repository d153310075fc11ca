/**
 * @param share in [0, 1]
 * @returns the value below which this share of the values lies, linear between neighbours; 0 of no values
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] ?? 0;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
}

/** @returns the middle value; 0 of no values */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
