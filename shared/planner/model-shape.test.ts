import { expect, test } from 'vitest';
import type { Profile } from '../protocol/profile.ts';
import { profiledShape } from './model-shape.ts';

const none = { medianMs: 0, p90Ms: 0 };
const exits = ['exit1', 'exit2'].map((name) => ({
  name,
  cuts: [[{ elements: 12, rank: 4 }], [{ elements: 3, rank: 2 }]],
  layers: [{ name: 'n0', type: 'fc', outputBytes: 12, timing: none }],
  head: [none, none],
  tail: [none, none],
}));
const profile: Profile = {
  schema: 1,
  modelDigest: `sha256:${'1'.repeat(64)}`,
  tier: 'device',
  hardwareClass: 'pi4',
  threads: 1,
  runtime: 'test',
  measuredAt: '2020-01-01T00:00:00.000Z',
  gapMs: 0,
  runs: 1,
  perCallOverheadMs: 0,
  modelLoadMs: 0,
  exits,
};

test('a profile with its cuts and a manifest with its accuracies are all that planning needs of a model', () => {
  const encodedAccuracy = { f16: [0.69, 0.7], u8: [0.6, 0.7] };
  const manifest = { exits: [{ name: 'exit2', accuracy: { top1: 0.7 }, encodedAccuracy }] };
  expect(profiledShape(profile, manifest)).toEqual({
    exits: [
      { name: 'exit1', accuracy: 0.01, cuts: exits[0]?.cuts },
      { name: 'exit2', accuracy: 0.7, encodedAccuracy, cuts: exits[1]?.cuts },
    ],
  });
});

test('a profile that lacks the cuts of one exit has no shape', () => {
  const [{ cuts: _, ...first } = exits[0] ?? {}, second] = exits;
  const partial = { ...profile, exits: [first, second] } as Profile;
  expect(profiledShape(partial, { exits: [] })).toBeUndefined();
});
