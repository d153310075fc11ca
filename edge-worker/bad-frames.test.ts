import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../shared/runtime/random.ts';
import { sendBadFrames, sendMutated } from './testing/bad-frames.ts';
import { type HostilePlatform, startHostilePlatform } from './testing/hostile-platform.ts';

/** Thousands of messages through three processes take long on a machine that does much else. */
const timeout = 120_000;
let platform: HostilePlatform;

beforeAll(async () => {
  platform = await startHostilePlatform();
});

afterAll(() => platform.close());

test('fault 17: 5,000 mutated tensor frames end nothing, and another device is served between them', {
  timeout,
}, async () => {
  const { hostile, bystander, various, right } = platform;
  for (let round = 0; round < 10; round += 1) {
    sendMutated(hostile, various, 500, seededRandom(round));
    await hostile.flushed();
    expect((await bystander.ask(right)).header.status).toBe('ok');
  }
});

test('fault 30: of 2,000 bad tensors each is refused with its reason, and what is right is served between them', {
  timeout,
}, async () => {
  const { bystander, right, counted } = platform;
  const tally = await sendBadFrames(bystander, right, 2000);
  expect(tally.wrong).toEqual([]);
  expect(tally.served).toBe(10);
  const { code, counters } = await counted();
  expect(code).toBe(0);
  const { malformed, invalid, unavailable } = tally.sent;
  expect(counters).toMatchObject({ unsent: 0 });
  expect(counters).toEqual(
    expect.objectContaining({
      malformed: expect.toSatisfy((count: number) => count >= malformed),
      invalid: expect.toSatisfy((count: number) => count >= invalid),
      unavailable: expect.toSatisfy((count: number) => count >= unavailable),
    }),
  );
});
