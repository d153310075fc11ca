import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createPresenceSweep } from './presence-sweep.ts';

function setUp() {
  const clock = createFakeClock();
  const silent: string[][] = [];
  const sweep = createPresenceSweep({
    clock,
    onlineIds: () => ['a', 'b'],
    onSilent: (ids) => void silent.push(ids),
  });
  return { clock, silent, sweep };
}

test('who does not speak up within 10 s of a connect is reported', () => {
  const { clock, silent, sweep } = setUp();
  sweep.connected();
  sweep.heard('a');
  clock.advance(9999);
  expect(silent).toEqual([]);
  clock.advance(1);
  expect(silent).toEqual([['b']]);
});

test('nobody is reported while the broker is away', () => {
  const { clock, silent, sweep } = setUp();
  sweep.connected();
  clock.advance(5000);
  sweep.disconnected();
  clock.advance(60_000);
  expect(silent).toEqual([]);
});

test('after another connect everybody has the whole time again', () => {
  const { clock, silent, sweep } = setUp();
  sweep.connected();
  sweep.heard('a');
  clock.advance(9000);
  sweep.connected();
  sweep.heard('b');
  clock.advance(9000);
  expect(silent).toEqual([]);
  clock.advance(1000);
  expect(silent).toEqual([['a']]);
});
