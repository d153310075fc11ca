import fc from 'fast-check';
import { expect, test } from 'vitest';
import { profileParser } from '../protocol/profile.ts';
import { isFleetError } from '../runtime/errors.ts';
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
  ['the order of exits', { ...profile, exits: profile.exits.toReversed() }],
  ['an overhead', { ...profile, perCallOverheadMs: Number.NaN }],
  ['a time to load', { ...profile, modelLoadMs: -1 }],
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

type Path = readonly (string | number)[];

/** @returns where each field and element of a value stands */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    return [here, ...pathsIn(part, here)];
  });
}

/** @returns a copy with the part at a path changed; undefined drops it, so that the elements after it move up */
function changedAt(value: unknown, [key, ...rest]: Path, change: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) {
    const index = Number(key);
    const part = rest.length === 0 ? change(value[index]) : changedAt(value[index], rest, change);
    return part === undefined ? value.toSpliced(index, 1) : value.with(index, part);
  }
  if (typeof value !== 'object' || value === null || key === undefined) throw new Error(`no field ${key}`);
  const part: unknown = Reflect.get(value, key);
  return { ...value, [key]: rest.length === 0 ? change(part) : changedAt(part, rest, change) };
}

/** As it comes from a file. @returns the code of what is thrown, undefined where it is taken */
function codeOf(input: unknown): string | undefined {
  try {
    checkProfile(profileParser.parseJson(JSON.stringify(input)), shape);
    return undefined;
  } catch (error) {
    if (isFleetError(error)) return error.code;
    throw error;
  }
}

const wholeProfile = {
  ...profile,
  exits: profile.exits.map((exit) => ({
    ...exit,
    cuts: exit.head.map(() => [{ elements: 1, rank: 2 }]),
    layers: exit.layers.map((layer) => ({ ...layer, timing: { ...layer.timing, runs: 3 } })),
  })),
};
const places = pathsIn(wholeProfile);
/** What may be absent: profiles of an earlier release have neither. A cut may hold no tensor. */
const optional = /^exits,\d+,(cuts(,\d+,\d+)?|.*,runs)$/;
const stableCodes = ['message-invalid', 'profile-mismatch', 'profile-unusable'];

test('a whole profile with any one field or element dropped is refused by a stable code, but for what may be absent', () => {
  expect(codeOf(wholeProfile)).toBeUndefined();
  for (const path of places) {
    const code = codeOf(changedAt(wholeProfile, path, () => undefined));
    if (optional.test(path.join())) expect(code, path.join()).toBeUndefined();
    else expect(stableCodes, path.join()).toContain(code);
  }
});

test('a whole profile with any number that is none or negative is refused by a stable code', () => {
  const numbers = places.filter((path) => typeof path.reduce<unknown>(partAt, wholeProfile) === 'number');
  const wrong = fc.constantFrom<unknown>(Number.NaN, Infinity, -Infinity, null, '1').map((value) => () => value);
  const below = fc.double({ max: -Number.MIN_VALUE, noNaN: true }).map((value) => () => value);
  fc.assert(
    fc.property(fc.constantFrom(...numbers), fc.oneof(wrong, below), (path, change) => {
      expect(stableCodes, path.join()).toContain(codeOf(changedAt(wholeProfile, path, change)));
    }),
    { numRuns: 500 },
  );
});

test('a time that was computed and is none is unusable, even past the schema', () => {
  const times = places.filter((path) => /Ms$/.test(`${path.at(-1)}`));
  const none = fc.oneof(fc.constantFrom(Number.NaN, Infinity), fc.double({ max: -Number.MIN_VALUE, noNaN: true }));
  fc.assert(
    fc.property(fc.constantFrom(...times), none, (path, value) => {
      const spoilt = { ...wholeProfile, ...Object(changedAt(wholeProfile, path, () => value)) };
      expect(() => checkProfile(spoilt, shape), path.join()).toThrow(
        expect.objectContaining({ code: 'profile-unusable' }),
      );
    }),
  );
});

test('a profile with any other digest does not match', () => {
  const hex = fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(hex, (digits) => {
      const modelDigest = `sha256:${digits.join('')}`;
      fc.pre(modelDigest !== digest);
      expect(codeOf({ ...wholeProfile, modelDigest })).toBe('profile-mismatch');
    }),
  );
});

function partAt(value: unknown, key: string | number): unknown {
  return Reflect.get(Object(value), key);
}
