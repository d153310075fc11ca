import { expect, test } from 'vitest';
import { mapAsPrinted } from './algorithm-2-as-printed.ts';
import { paperReward, throughputOf } from './reward.ts';

/** At a bandwidth of b, a strategy takes fixedMs + kilobits / b ms. */
const local = { name: 'local', accuracy: 0.7, fixedMs: 90, kilobits: 0 };
const remote = { name: 'remote', accuracy: 0.9, fixedMs: 20, kilobits: 100 };
const heavy = { name: 'heavy', accuracy: 0.95, fixedMs: 50, kilobits: 400 };

const rewardWithin = (deadlineMs: number) => (strategy: typeof local, mbps: number) =>
  paperReward(strategy.accuracy, { totalMs: strategy.fixedMs + strategy.kilobits / mbps, deadlineMs });

test('each state gets the strategy of greatest reward', () => {
  const map = mapAsPrinted([1, 10], [local, remote], rewardWithin(100));
  expect(map.map(({ state, strategy }) => [state, strategy?.name])).toEqual([
    [1, 'local'],
    [10, 'remote'],
  ]);
  // exp(0.7) + 1000 / 90, exp(0.9) + 1000 / 30
  expect(map.map(({ reward }) => reward)).toEqual([
    expect.closeTo(2.013753 + 11.111111, 5),
    expect.closeTo(2.459603 + 33.333333, 5),
  ]);
});

test('a strategy that is late is worth nothing, and so the last one wins where all are late', () => {
  expect(mapAsPrinted([1], [local, remote, heavy], rewardWithin(10))).toEqual([
    { state: 1, strategy: heavy, reward: 0 },
  ]);
  expect(mapAsPrinted([1], [heavy, remote, local], rewardWithin(10))).toEqual([
    { state: 1, strategy: local, reward: 0 },
  ]);
});

test('of equal rewards the last strategy wins', () => {
  const twin = { ...local, name: 'twin' };
  expect(mapAsPrinted([1], [local, twin], rewardWithin(100))[0]?.strategy).toBe(twin);
});

test('without strategies a state has none', () => {
  expect(mapAsPrinted([1], [], () => 1)).toEqual([{ state: 1, strategy: null, reward: 0 }]);
});

test('throughput drowns accuracy: a fifth of a frame a second outweighs ten points', () => {
  const accurate = paperReward(0.8, { totalMs: 100, deadlineMs: 200 });
  const faster = paperReward(0.7, { totalMs: 97.5, deadlineMs: 200 });
  expect(faster).toBeGreaterThan(accurate);
  expect(paperReward(0.8, { totalMs: 100, deadlineMs: 100 })).toBeCloseTo(Math.exp(0.8) + 10, 9);
  expect(paperReward(0.8, { totalMs: 100.001, deadlineMs: 100 })).toBe(0);
  expect(paperReward(0.8, { totalMs: 100, deadlineMs: 200 }, { accuracy: 100, throughput: 1 })).toBeGreaterThan(
    paperReward(0.7, { totalMs: 97.5, deadlineMs: 200 }, { accuracy: 100, throughput: 1 }),
  );
  expect(throughputOf(0)).toBe(1e6);
});
