import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createPace } from './pace.ts';

function setUp(rate: { now: number | undefined }) {
  const clock = createFakeClock();
  return { clock, pace: createPace({ clock, bytesPerSecond: () => rate.now, maxBytes: 32_768 }) };
}

test('while frames are offloaded no span of time carries more than its share and one message', () => {
  const { clock, pace } = setUp({ now: 2048 });
  const sent: { atMs: number; bytes: number }[] = [];
  for (let i = 0; i < 200; i += 1) {
    clock.advance(pace.waitMs());
    const bytes = Math.max(1, Math.floor(pace.limitBytes() * ((i % 7) / 6)));
    pace.sent(bytes);
    sent.push({ atMs: clock.nowMs(), bytes });
    if (i === 100) clock.advance(60_000);
  }
  for (const [index, { atMs: fromMs }] of sent.entries()) {
    let bytes = 0;
    for (const next of sent.slice(index)) {
      bytes += next.bytes;
      expect(bytes).toBeLessThanOrEqual((2048 * (next.atMs - fromMs)) / 1000 + 1024 + 1);
    }
  }
});

test('a message takes half a second of the pace at most', () => {
  expect(setUp({ now: 2048 }).pace.limitBytes()).toBe(1024);
  expect(setUp({ now: 1e9 }).pace.limitBytes()).toBe(32_768);
});

test('a larger message than that is waited for as long as it takes', () => {
  const { clock, pace } = setUp({ now: 1000 });
  pace.sent(3000);
  expect(pace.waitMs()).toBe(3000);
  clock.advance(1000);
  pace.sent(0);
  expect(pace.waitMs()).toBe(2000);
});

test('a link that nothing else needs is not spared, and leaves no debt', () => {
  const rate: { now: number | undefined } = { now: undefined };
  const { pace } = setUp(rate);
  expect(pace.limitBytes()).toBe(32_768);
  pace.sent(32_768);
  expect(pace.waitMs()).toBe(0);
  rate.now = 2048;
  expect(pace.waitMs()).toBe(0);
});
