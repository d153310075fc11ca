import type { BandwidthState } from './bandwidth-states.ts';

/**
 * Fewer states out of many, for those who no longer have the history: neighbours become one, each about as many, and
 * are planned for as the slowest of them is.
 * @param count 1 or more
 * @returns the states themselves where there are no more than `count`
 */
export function limitStates(states: readonly BandwidthState[], count: number): readonly BandwidthState[] {
  const groupOf = (index: number): number => Math.floor((index * count) / states.length);
  if (states.length <= count) return states;
  return states.filter((_, index) => index === 0 || groupOf(index) !== groupOf(index - 1));
}
