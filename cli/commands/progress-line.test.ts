import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createProgressLine } from './progress-line.ts';

function setUp(isTTY: boolean) {
  const written: string[] = [];
  const clock = createFakeClock();
  const output = { isTTY, write: (text: string | Uint8Array) => written.push(`${text}`) > 0 };
  return { written, clock, line: createProgressLine(output, clock) };
}

test('in a terminal the line is drawn over itself, and ends once', () => {
  const { written, line, clock } = setUp(true);
  line.show('1 of 9');
  clock.advance(50);
  line.show('2 of 9');
  clock.advance(200);
  line.show('3 of 9');
  line.end();
  line.end();
  expect(written).toEqual(['\r\x1b[K1 of 9', '\r\x1b[K3 of 9', '\n']);
});

test('elsewhere a line is written every five seconds, and the last one in any case', () => {
  const { written, line, clock } = setUp(false);
  for (let second = 0; second < 8; second += 1) {
    line.show(`${second} of 7`);
    clock.advance(1000);
  }
  line.end();
  expect(written).toEqual(['0 of 7\n', '5 of 7\n', '7 of 7\n']);
});
