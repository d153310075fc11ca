import { expect, test } from 'vitest';
import { acrossPlaces } from './across-places.ts';
import type { Claim } from './document.ts';

function claim(statement: string, verdict: Claim['verdict'], ours = '1 s'): Claim {
  return { statement, paper: '2 s', ours, verdict, reason: 'so it is', emulation: 'nothing' };
}

test('a statement holds where it holds at every place', () => {
  const [merged] = acrossPlaces([
    { place: 'here', claims: [claim('faster', 'holds')] },
    { place: 'there', claims: [claim('faster', 'holds', '2 s')] },
  ]);
  const ours = 'something to compare at 2 of 2 places; here: holds (1 s); there: holds (2 s)';
  expect(merged).toEqual(claim('faster', 'holds', ours));
});

test('a statement that could not be judged everywhere does not simply hold', () => {
  const [merged] = acrossPlaces([
    { place: 'here', claims: [claim('faster', 'holds')] },
    { place: 'there', claims: [claim('faster', 'not measured', '–')] },
  ]);
  const ours = 'something to compare at 1 of 2 places; here: holds (1 s); there: not measured (–)';
  expect(merged).toEqual(claim('faster', 'holds where compared', ours));
});

test('a reader sees which place fails', () => {
  const [merged] = acrossPlaces([
    { place: 'here', claims: [claim('faster', 'holds')] },
    { place: 'there', claims: [{ ...claim('faster', 'holds not', '3 s'), reason: 'a slow link' }] },
  ]);
  expect(merged).toMatchObject({
    verdict: 'holds not',
    ours: 'something to compare at 2 of 2 places; here: holds (1 s); there: holds not (3 s)',
    reason: 'here: so it is there: a slow link',
    emulation: 'nothing',
  });
});

test('what was measured nowhere is not said to hold', () => {
  expect(acrossPlaces([{ place: 'here', claims: [claim('faster', 'not measured')] }])[0]?.verdict).toBe('not measured');
  expect(acrossPlaces([])).toEqual([]);
});

test('each statement is told once, in the order of the first place', () => {
  const claims = [claim('faster', 'holds'), claim('deeper', 'holds')];
  const merged = acrossPlaces(['here', 'there'].map((place) => ({ place, claims })));
  expect(merged.map(({ statement }) => statement)).toEqual(['faster', 'deeper']);
});

test('where some places have nothing to compare those decide that have; where none has, that is said', () => {
  const at = (...verdicts: Claim['verdict'][]) =>
    acrossPlaces(
      verdicts.map((verdict, index) => ({ place: `place ${index}`, claims: [claim('faster', verdict)] })),
    )[0];
  expect(at('nothing to compare', 'nothing to compare', 'holds')).toMatchObject({
    verdict: 'holds where compared',
    ours: expect.stringContaining('something to compare at 1 of 3 places; '),
  });
  expect(at('nothing to compare', 'holds not')?.verdict).toBe('holds not');
  expect(at('nothing to compare', 'not measured')?.verdict).toBe('nothing to compare');
});

test('a reason that several places share is told once, with all of them', () => {
  const places = ['a', 'b', 'c'].map((place) => ({
    place,
    claims: [{ ...claim('faster', 'holds'), reason: place === 'b' ? 'a slow link' : 'so it is' }],
  }));
  expect(acrossPlaces(places)[0]?.reason).toBe('a and c: so it is b: a slow link');
  const emulated = places.map(({ place, claims }) => ({
    place,
    claims: claims.map((each) => ({ ...each, emulation: place })),
  }));
  expect(acrossPlaces(emulated)[0]?.emulation).toBe('a: a / b: b / c: c');
});
