import { expect, test } from 'vitest';
import { type Profile, profileParser, slowedProfile } from './profile.ts';

const timing = (medianMs: number) => ({ medianMs, p90Ms: 2 * medianMs });
const profile: Profile = {
  schema: 1,
  modelDigest: `sha256:${'1'.repeat(64)}`,
  tier: 'worker',
  hardwareClass: 'pc',
  threads: 1,
  runtime: 'test',
  measuredAt: '2020-01-01T00:00:00.000Z',
  gapMs: 2,
  runs: 20,
  perCallOverheadMs: 0.25,
  modelLoadMs: 5,
  exits: [
    {
      name: 'exit1',
      layers: [{ name: 'n0', type: 'relu', outputBytes: 16, timing: timing(1) }],
      head: [timing(0), timing(1)],
      tail: [timing(3), timing(0)],
    },
  ],
};

test('a profile of a slower processor has all times of running longer, and loading as it was', () => {
  const slowed = profileParser.parse(slowedProfile(profile, 4));
  expect(slowed).toMatchObject({ perCallOverheadMs: 1, modelLoadMs: 5, hardwareClass: 'pc' });
  expect(slowed.exits[0]).toMatchObject({
    layers: [{ outputBytes: 16, timing: timing(4) }],
    head: [timing(0), timing(4)],
    tail: [timing(12), timing(0)],
  });
  expect(slowedProfile(profile, 1)).toEqual(profile);
});
