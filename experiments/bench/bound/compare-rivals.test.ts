import { expect, test } from 'vitest';
import { allowedBehindMs, type Comparison, fastestRival } from './compare-rivals.ts';
import { comparisonFigures } from './figures.ts';
import { loopbackSetting } from './settings.ts';

function comparison(platform: number[], http: number[]): Comparison {
  const rivals = [
    { name: 'device alone', rounds: [50, 50, 50] },
    { name: 'HTTP upload, u8', rounds: http },
  ];
  return { setting: loopbackSetting, processorFactor: 1, platform, plannedAs: 'exit5 at 0', rivals };
}

test('the platform is set beside the fastest, round by round', () => {
  expect(fastestRival(comparison([12, 13, 14], [10, 12, 11]))).toEqual({
    name: 'HTTP upload, u8',
    ms: 11,
    behindMs: [2, 1, 3],
  });
});

test('a millisecond behind is allowed, or a twentieth of what the fastest takes', () => {
  expect([allowedBehindMs(5), allowedBehindMs(100)]).toEqual([1, 5]);
});

test('the platform falls short where every round has it further behind than allowed', () => {
  const behindIn = (platform: number[]) => {
    const figures = comparisonFigures(comparison(platform, [10, 10, 10]));
    return figures.find(({ bar }) => bar !== null);
  };
  expect(behindIn([12, 13, 12])).toMatchObject({ value: 2, bar: 1, holds: false, note: 'HTTP upload, u8' });
  expect(behindIn([12, 10.5, 12])).toMatchObject({ value: 2, holds: true });
  expect(behindIn([9, 9, 9])).toMatchObject({ value: -1, holds: true });
});
