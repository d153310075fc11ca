import { expect, test } from 'vitest';
import { smallModel, smallProfile } from '../testing/small-models.ts';
import { checkProfile, type ProfiledShape } from './check-profile.ts';

const { profile, digest } = smallProfile(smallModel([{ type: 'conv' }, { type: 'fc' }], [{ type: 'relu' }]), () => 1);
const shape: ProfiledShape = {
  digest,
  exits: [
    { name: 'exit1', layers: 2 },
    { name: 'exit2', layers: 1 },
  ],
};
const [first, ...others] = profile.exits;

/** @returns the profile with its first exit changed */
function spoilt(change: Partial<NonNullable<typeof first>>) {
  if (first === undefined) throw new Error('the profile has no exit');
  return { ...profile, exits: [{ ...first, ...change }, ...others] };
}

test('a whole profile of the model passes, with and without the model at hand', () => {
  expect(() => checkProfile(profile, shape)).not.toThrow();
  expect(() => checkProfile(profile)).not.toThrow();
});

test('a profile of another model does not match', () => {
  const other = { ...shape, digest: `sha256:${'9'.repeat(64)}` };
  expect(() => checkProfile(profile, other)).toThrow(expect.objectContaining({ code: 'profile-mismatch' }));
});

const noTime = { medianMs: Number.NaN, p90Ms: 1 };
test.each([
  ['exits', { ...profile, exits: others }],
  ['layers', spoilt({ layers: first?.layers.slice(1) ?? [] })],
  ['heads', spoilt({ head: first?.head.slice(1) ?? [] })],
  ['tails', spoilt({ tail: [] })],
  ['cuts', spoilt({ cuts: [[{ elements: 1, rank: 2 }]] })],
  ['a time that is a number', spoilt({ head: first?.head.map(() => noTime) ?? [] })],
  ['a time above zero', spoilt({ tail: first?.tail.map(() => ({ medianMs: 1, p90Ms: -1 })) ?? [] })],
])('a profile that lacks %s is unusable', (_, bad) => {
  expect(() => checkProfile(bad, shape)).toThrow(expect.objectContaining({ code: 'profile-unusable' }));
});

test('what a profile says of itself must agree, even where the model is unknown', () => {
  expect(() => checkProfile(spoilt({ tail: [] }))).toThrow(expect.objectContaining({ code: 'profile-unusable' }));
  expect(() => checkProfile({ ...profile, exits: others })).not.toThrow();
});
