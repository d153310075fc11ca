import { expect, test } from 'vitest';
import { createSessionLedger } from './session-ledger.ts';

const nobody = (): boolean => false;

test('the sessions used longest ago go until the new one fits into the memory', () => {
  const ledger = createSessionLedger({ maxSessions: 10, maxSessionBytes: 100 });
  for (const key of ['a', 'b', 'c']) ledger.add(key, 30);
  ledger.use('a');
  expect(ledger.makeRoom(10, nobody)).toEqual([]);
  expect(ledger.makeRoom(50, nobody)).toEqual(['b', 'c']);
  expect(['a', 'b', 'c'].map(ledger.has)).toEqual([true, false, false]);
  expect(ledger.bytes).toBe(30);
});

test('and until there are no more than may be', () => {
  const ledger = createSessionLedger({ maxSessions: 2, maxSessionBytes: Number.POSITIVE_INFINITY });
  for (const key of ['a', 'b']) ledger.add(key, 1);
  expect(ledger.makeRoom(1, nobody)).toEqual(['a']);
});

test('one that is needed stays, even where the budget is exceeded', () => {
  const ledger = createSessionLedger({ maxSessions: 10, maxSessionBytes: 100 });
  for (const key of ['a', 'b', 'c']) ledger.add(key, 30);
  expect(ledger.makeRoom(80, (key) => key !== 'b')).toEqual(['b']);
  ledger.add('d', 80);
  expect(ledger.bytes).toBe(140);
  expect(ledger.makeRoom(20, nobody)).toEqual(['a', 'c']);
});

test('one larger than the budget is loaded by itself', () => {
  const ledger = createSessionLedger({ maxSessions: 10, maxSessionBytes: 100 });
  ledger.add('a', 30);
  expect(ledger.makeRoom(500, nobody)).toEqual(['a']);
  ledger.add('b', 500);
  ledger.remove('b');
  expect(ledger.bytes).toBe(0);
});
