import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../shared/runtime/random.ts';
import { sendBadFrames, sendMutated } from './testing/bad-frames.ts';
import { type HostilePlatform, startHostilePlatform } from './testing/hostile-platform.ts';

const timeoutMs = 1_800_000;
let platform: HostilePlatform;

beforeEach(async () => {
  platform = await startHostilePlatform();
});

afterEach(() => platform.close());

test('fault 30: of 100,000 bad tensors each is refused with its reason, counted, and answered once', {
  timeout: timeoutMs,
}, async () => {
  const { hostile, right, counted } = platform;
  const { sent, wrong, served } = await sendBadFrames(hostile, right, 100_000);
  expect(wrong).toEqual([]);
  expect(served).toBe(500);
  const { code, counters } = await counted();
  expect(code).toBe(0);
  const { malformed, invalid, unavailable } = sent;
  expect(counters).toMatchObject({ malformed, invalid, unavailable, completed: served, unsent: 0 });
});

test('fault 17: 250,000 mutated tensor frames end nothing, and another device is always served', {
  timeout: timeoutMs,
}, async () => {
  const { hostile, bystander, various, right, counted } = platform;
  const random = seededRandom(17);
  for (let round = 0; round < 250; round += 1) {
    sendMutated(hostile, various, 1000, random);
    await hostile.flushed();
    expect((await bystander.ask(right)).header.status).toBe('ok');
  }
  expect(await counted()).toMatchObject({ code: 0, counters: { unsent: 0 } });
});
