import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryStates, statesOf } from '../testing/bandwidth-states.ts';
import { requireBandwidthStates } from './bandwidth-states.ts';
import { limitStates } from './limit-states.ts';

test('neighbours are planned for as the slowest of them', () => {
  const states = statesOf([1, 2, 3, 4, 5, 6]);
  expect(limitStates(states, 2)).toEqual([states[0], states[3]]);
  expect(limitStates(states, 4).map(({ mbps }) => mbps)).toEqual([1, 3, 4, 6]);
  expect(limitStates(states, 12)).toBe(states);
});

test('any states come to as many as are wanted, if there are that many, and stay states', () => {
  fc.assert(
    fc.property(arbitraryStates, fc.integer({ min: 1, max: 10 }), (states, count) => {
      const limited = limitStates(states, count);
      expect(limited).toHaveLength(Math.min(count, states.length));
      requireBandwidthStates(limited);
    }),
  );
});
