import { expect, test } from 'vitest';
import { createFakeClock } from './clock.ts';
import { atMostEvery } from './throttle.ts';

test('the first is done at once, and after that one an interval', () => {
  const clock = createFakeClock();
  const done: number[] = [];
  const tell = atMostEvery(1000, clock, (value: number) => done.push(value));
  for (let second = 0; second < 3; second += 1) {
    tell(10 * second);
    clock.advance(600);
    tell(10 * second + 6);
    clock.advance(400);
  }
  expect(done).toEqual([0, 10, 20]);
});
