import { expect, test } from 'vitest';
import { takenOver } from './reproduce.ts';

test('points that other code measured are told by that code, those of the running code are not', () => {
  const measuredAt = '2020-01-01T00:00:00.000Z';
  const of = (code?: string | null) => ({ measuredAt, ...(code === undefined ? {} : { code }) });
  const points = [of('abc'), of('def'), of(), of(null), of('def')];
  expect(takenOver(points, 'abc')).toEqual([{ code: 'def', points: 2 }, { points: 1 }, { code: null, points: 1 }]);
  expect(takenOver([of('abc')], 'abc')).toEqual([]);
});
