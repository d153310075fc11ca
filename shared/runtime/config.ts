import { type Static, type TObject, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { createParser } from './schema.ts';

/**
 * Reads a component's settings from environment variables: `EDGENT_` and the key in capitals,
 * `maxClients` from `EDGENT_MAX_CLIENTS`.
 * @param schema gives type, default, bounds and documentation of each key
 * @param environment `process.env`, read in main.ts alone
 * @throws {FleetError} `config-invalid`
 */
export function readConfig<S extends TObject>(schema: S, environment: Record<string, string | undefined>): Static<S> {
  const given: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(schema.properties)) {
    const text = environment[environmentName(key)];
    if (text !== undefined && text !== '') given[key] = fromText(property, text);
  }
  return createParser(schema, 'config-invalid', 'configuration').parse(Value.Default(schema, given));
}

const truths = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** @returns the value that a text spells out in full; else the text, for the schema to refuse */
function fromText(schema: TSchema, text: string): unknown {
  if (Type.IsBoolean(schema)) return truths.get(text) ?? text;
  const isNumeric = Type.IsInteger(schema) || Type.IsNumber(schema);
  return isNumeric && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** @returns the variables that give a component these settings, for starting it as a process */
export function toEnvironment(config: Record<string, string | number | boolean | undefined>): Record<string, string> {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [environmentName(key), String(value)]));
}

function environmentName(key: string): string {
  return `EDGENT_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
