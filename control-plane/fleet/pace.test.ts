import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createPace } from './pace.ts';

test('a second’s worth goes at once, then so many a second', () => {
  const clock = createFakeClock();
  const pace = createPace({ perSecond: 4, clock });
  const taken = (): number => {
    let count = 0;
    while (pace.take()) count += 1;
    return count;
  };
  expect(taken()).toBe(4);
  expect(pace.waitMs()).toBe(250);
  clock.advance(249);
  expect(taken()).toBe(0);
  clock.advance(1);
  expect([pace.waitMs(), taken()]).toEqual([0, 1]);
  clock.advance(600_000);
  expect(taken()).toBe(4);
});
