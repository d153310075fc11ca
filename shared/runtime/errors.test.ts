import { expect, test } from 'vitest';
import { bandwidthErrors } from './errors/bandwidth.ts';
import { latencyErrors } from './errors/latency.ts';
import { modelErrors } from './errors/model.ts';
import { plannerErrors } from './errors/planner.ts';
import { platformErrors } from './errors/platform.ts';
import { wireErrors } from './errors/wire.ts';
import { describeFailure, errorCatalogue, FleetError, isFleetError, messageOf } from './errors.ts';

test('every code is lower-case words and comes with a sentence of advice', () => {
  for (const [code, advice] of Object.entries(errorCatalogue)) {
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(advice, code).toMatch(/^[A-Z][^\n]{20,160}[.]$/);
  }
});

test('no code stands in two lists', () => {
  const codes = [modelErrors, latencyErrors, bandwidthErrors, plannerErrors, platformErrors, wireErrors].flatMap(
    (list) => Object.keys(list),
  );
  expect(codes.toSorted()).toEqual(Object.keys(errorCatalogue).toSorted());
});

test('an error keeps its code, its cause and the advice of its code', () => {
  const cause = new Error('disk');
  const error = new FleetError('not-found', 'no device "x"', { cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    'FleetError',
    'not-found',
    'no device "x"',
    cause,
  ]);
  expect(error.advice).toBe(errorCatalogue['not-found']);
});

test('a process that ends by an error says its code and what to do, whatever was thrown', () => {
  expect(describeFailure(new FleetError('not-found', 'no device "x"'))).toBe(
    `no device "x"\n  not-found: ${errorCatalogue['not-found']}\n`,
  );
  expect(describeFailure(new Error('odd'))).toBe(`odd\n  internal: ${errorCatalogue.internal}\n`);
});

test('errors are told apart by class and by code', () => {
  const error = new FleetError('conflict', 'changed');
  expect([isFleetError(error), isFleetError(error, 'conflict'), isFleetError(error, 'not-found')]).toEqual([
    true,
    true,
    false,
  ]);
  expect([new Error('conflict'), { code: 'conflict' }, null, 'conflict'].map((other) => isFleetError(other))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test('whatever was thrown has a message on one line', () => {
  const thrown = [new Error('a\n  b'), 'plain', undefined, null, 7, { toString: () => 'odd\tone' }];
  expect(thrown.map(messageOf)).toEqual(['a b', 'plain', 'undefined', 'null', '7', 'odd one']);
});
