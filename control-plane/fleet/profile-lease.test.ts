import { expect, test } from 'vitest';
import { grantLease } from './profile-lease.ts';

const base = { nowMs: 1000, leaseMs: 500 };

test('the first of the class is asked first', () => {
  expect(grantLease({ ...base, candidates: ['a', 'b'], lease: undefined })).toEqual({ holder: 'a', expiresMs: 1500 });
});

test('a lease stays with its holder until it expires', () => {
  const lease = { holder: 'b', expiresMs: 1001 };
  expect(grantLease({ ...base, candidates: ['a', 'b'], lease })).toBe(lease);
});

test('an expired lease goes to the next, after the last to the first', () => {
  const lease = (holder: string) => ({ holder, expiresMs: 1000 });
  expect(grantLease({ ...base, candidates: ['a', 'b', 'c'], lease: lease('a') })?.holder).toBe('b');
  expect(grantLease({ ...base, candidates: ['a', 'b', 'c'], lease: lease('c') })?.holder).toBe('a');
  expect(grantLease({ ...base, candidates: ['a'], lease: lease('a') })).toEqual({ holder: 'a', expiresMs: 1500 });
});

test('a holder that is gone loses the lease at once', () => {
  const lease = { holder: 'a', expiresMs: 9999 };
  expect(grantLease({ ...base, candidates: ['b'], lease })?.holder).toBe('b');
  expect(grantLease({ ...base, candidates: [], lease })).toBeUndefined();
});
