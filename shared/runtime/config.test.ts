import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { readConfig, toEnvironment } from './config.ts';

const schema = Type.Object({
  id: Type.String({ pattern: '^[a-z]+$' }),
  port: Type.Integer({ default: 1883, minimum: 0, maximum: 65_535 }),
  maxClients: Type.Integer({ default: 100 }),
  ratio: Type.Number({ default: 0.5 }),
  verbose: Type.Boolean({ default: false }),
  level: Type.Union([Type.Literal('info'), Type.Literal('debug')], { default: 'info' }),
  url: Type.Optional(Type.String()),
});

const defaults = { id: 'a', port: 1883, maxClients: 100, ratio: 0.5, verbose: false, level: 'info' };

describe('settings', () => {
  test('not given have their defaults, and without one are absent', () => {
    expect(readConfig(schema, { EDGENT_ID: 'a' })).toEqual(defaults);
  });

  test('are read from variables in capitals, each word apart, and converted', () => {
    const environment = {
      EDGENT_ID: 'a',
      EDGENT_PORT: '0',
      EDGENT_MAX_CLIENTS: '+7',
      EDGENT_RATIO: '-1.5e-3',
      EDGENT_VERBOSE: 'true',
      EDGENT_LEVEL: 'debug',
      EDGENT_URL: '123',
      EDGENT_UNKNOWN: 'x',
      MAX_CLIENTS: '8',
    };
    const config = { id: 'a', port: 0, maxClients: 7, ratio: -0.0015, verbose: true, level: 'debug', url: '123' };
    expect(readConfig(schema, environment)).toEqual(config);
  });

  test('that are empty count as not given', () => {
    expect(readConfig(schema, { EDGENT_ID: 'a', EDGENT_PORT: '', EDGENT_URL: '' })).toEqual(defaults);
  });

  test('of two readers are not the same object', () => {
    const first = readConfig(schema, { EDGENT_ID: 'a' });
    first.port = 1;
    expect(readConfig(schema, { EDGENT_ID: 'a' }).port).toBe(1883);
  });
});

describe('a setting', () => {
  test('that does not fit is refused by name, and never bent into one that does', () => {
    const wrong: [string, string][] = [
      ['port', '1883a'],
      ['port', '1.5'],
      ['port', '-1'],
      ['port', '65536'],
      ['port', 'true'],
      ['port', '0x10'],
      ['port', ' '],
      ['ratio', 'NaN'],
      ['ratio', 'Infinity'],
      ['ratio', '1,5'],
      ['ratio', '.'],
      ['verbose', 'yes'],
      ['verbose', '2'],
      ['level', 'loud'],
      ['id', 'A B'],
    ];
    for (const [key, text] of wrong) {
      const environment = { EDGENT_ID: 'a', [`EDGENT_${key.toUpperCase()}`]: text };
      expect(() => readConfig(schema, environment), `${key}=${text}`).toThrow(
        expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(`/${key}`) }),
      );
    }
  });

  test('that is required and missing is named', () => {
    expect(() => readConfig(schema, {})).toThrow(/\bid\b/);
  });
});

test('settings given to a process through its environment arrive as they were', () => {
  const config = {
    id: 'a',
    port: 5,
    maxClients: 1e6,
    ratio: 1e-7,
    verbose: true,
    level: 'debug' as const,
    url: undefined,
  };
  const environment = toEnvironment(config);
  expect(Object.keys(environment)).not.toContain('EDGENT_URL');
  const { url: _, ...given } = config;
  expect(readConfig(schema, environment)).toEqual(given);
});
