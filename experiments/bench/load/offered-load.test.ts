import { expect, test } from 'vitest';
import { createFakeClock } from '../../../shared/runtime/clock.ts';
import { seededRandom } from '../../../shared/runtime/random.ts';
import { offer } from './offered-load.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function offered(frame: () => Promise<number | undefined>, devices: number) {
  const clock = createFakeClock();
  const served = offer({
    devices: Array.from({ length: devices }, () => ({ frame })),
    framesPerSecond: 5,
    durationMs: 20_000,
    clock,
    random: seededRandom(1),
  });
  // Past the end: each device's last pause may reach beyond it.
  for (let ms = 0; ms < 25_000; ms += 5) {
    clock.advance(5);
    await turn();
  }
  return served;
}

test('every device sends as often as was asked, on average', async () => {
  const { frames, metShare } = await offered(async () => 3, 8);
  expect(frames).toBeGreaterThan(0.85 * 8 * 5 * 20);
  expect(frames).toBeLessThan(1.15 * 8 * 5 * 20);
  expect(metShare).toBe(1);
});

test('a frame that is never answered holds up none that follows, and counts as not met', async () => {
  let sent = 0;
  const { frames, metShare, medianMs } = await offered(async () => {
    sent += 1;
    return sent % 4 === 0 ? undefined : 10;
  }, 2);
  expect(frames).toBe(sent);
  expect(metShare).toBeCloseTo(0.75, 1);
  expect(medianMs).toBe(10);
});
