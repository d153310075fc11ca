import type { Static, TObject } from 'typebox';
import { createParser, fillAndConvert } from './schema.ts';

/**
 * Reads a component's settings from environment variables: `EDGENT_` and the key in capitals,
 * `maxClients` from `EDGENT_MAX_CLIENTS`.
 * @param schema gives type, default, bounds and documentation of each key
 * @param environment `process.env`, read in main.ts alone
 * @throws {FleetError} `config-invalid`
 */
export function readConfig<S extends TObject>(schema: S, environment: Record<string, string | undefined>): Static<S> {
  const given: Record<string, string> = {};
  for (const key of Object.keys(schema.properties)) {
    const value = environment[environmentName(key)];
    if (value !== undefined && value !== '') given[key] = value;
  }
  return createParser(schema, 'config-invalid', 'configuration').parse(fillAndConvert(schema, given));
}

/** @returns the variables that give a component these settings, for starting it as a process */
export function toEnvironment(config: Record<string, string | number | boolean | undefined>): Record<string, string> {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [environmentName(key), String(value)]));
}

function environmentName(key: string): string {
  return `EDGENT_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
