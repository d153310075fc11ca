import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { createParser, fillAndConvert } from './schema.ts';

const Inner = Type.Object({ size: Type.Integer({ minimum: 1 }) }, { additionalProperties: false });
const parser = createParser(
  Type.Object({
    name: Type.String(),
    inner: Type.Union([Type.Null(), Inner]),
    colour: Type.Optional(Type.Union([Type.Literal('red'), Type.Literal('blue')])),
    size: Type.Optional(Type.Enum(['small', 'large'])),
    list: Type.Optional(Type.Array(Type.Union([Type.Number(), Type.Null()]))),
  }),
  'message-invalid',
  'test message',
);

function complaint(input: unknown): string {
  try {
    parser.parse(input);
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a parser', () => {
  test('gives back the very value that fits', () => {
    const value = { name: 'a', inner: { size: 1 }, colour: 'red', more: true };
    expect(parser.parse(value)).toBe(value);
  });

  test('names the field that is wrong, and what it must be', () => {
    expect(complaint({ name: 1, inner: null })).toBe('test message: /name must be string (1 in all)');
    expect(complaint({ inner: null })).toMatch(/^test message: \/ must have required properties name/);
    expect(complaint(null)).toBe('test message: / must be object (1 in all)');
  });

  test('names the field inside of the alternative that was meant', () => {
    expect(complaint({ name: 'a', inner: { size: 0 } })).toMatch(/^test message: \/inner\/size must be >= 1 /);
    expect(complaint({ name: 'a', inner: null, list: [1, 'x'] })).toMatch(/\/list\/1 must be number or must be null/);
  });

  test('tells all values that a field may have', () => {
    expect(complaint({ name: 'a', inner: null, colour: 'green' })).toMatch(/\/colour must be "red" or must be "blue" /);
    expect(complaint({ name: 'a', inner: null, size: 'huge' })).toMatch(/\/size must be one of small, large /);
  });

  test('names a field that is too much', () => {
    expect(complaint({ name: 'a', inner: { size: 1, weight: 2 } })).toMatch(/\/inner .*must not have .*"weight"/);
  });

  test('reads JSON from text and from bytes, and says where there is none', () => {
    const value = { name: 'é', inner: null };
    expect(parser.parseJson(JSON.stringify(value))).toEqual(value);
    expect(parser.parseJson(new TextEncoder().encode(JSON.stringify(value)))).toEqual(value);
    for (const text of ['', '{"name":', 'undefined', '{}{}']) {
      expect(() => parser.parseJson(text)).toThrow(
        expect.objectContaining({
          code: 'message-invalid',
          message: expect.stringMatching(/^test message: no JSON \(/),
        }),
      );
    }
  });
});

test('a field that has a default may be absent; a wrong one is still wrong', () => {
  const Size = Type.Object({ size: Type.Integer({ default: 3 }), name: Type.String() });
  const sized = createParser(Size, 'message-invalid', 'size');
  const given = { name: 'a' };
  expect(sized.parse(given)).toEqual({ size: 3, name: 'a' });
  expect(given).toEqual({ name: 'a' });
  expect(sized.parse({ name: 'a', size: 4 })).toEqual({ size: 4, name: 'a' });
  expect(() => sized.parse({ name: 'a', size: 'big' })).toThrow('/size must be integer');
  expect(() => sized.parse({ size: 4 })).toThrow('name');
});

test('defaults and conversions fill a copy, not what was given', () => {
  const schema = Type.Object({ port: Type.Integer({ default: 1 }), rate: Type.Number() });
  const given = { rate: '2.5' };
  expect(fillAndConvert(schema, given)).toEqual({ port: 1, rate: 2.5 });
  expect(given).toEqual({ rate: '2.5' });
});
