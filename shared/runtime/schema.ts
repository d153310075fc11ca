import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { type ErrorCode, FleetError, messageOf } from './errors.ts';

/** A boundary: unknown input in, a typed value or an error that names the field out. */
export interface Parser<T> {
  parse(input: unknown): T;
  parseJson(text: string | Uint8Array): T;
}

/**
 * @param schema what the value must be; its type follows from it
 * @param code the error code of input that does not fit
 * @param subject what the input is, for the message
 */
export function createParser<S extends TSchema>(schema: S, code: ErrorCode, subject: string): Parser<Static<S>> {
  const compiled = Compile(schema);
  function parse(input: unknown): Static<S> {
    if (compiled.Check(input)) return input;
    const errors = compiled.Errors(input).filter((error) => error.keyword !== 'boolean');
    const first = errors[0];
    const names = first?.keyword === 'additionalProperties' ? ` ${JSON.stringify(first.params)}` : '';
    throw new FleetError(
      code,
      `${subject}: ${first?.instancePath || '/'} ${first?.message ?? 'does not fit'}${names} (${errors.length} in all)`,
    );
  }
  return {
    parse,
    parseJson(text) {
      let value: unknown;
      try {
        value = JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString());
      } catch (error) {
        throw new FleetError(code, `${subject}: no JSON (${messageOf(error)})`, { cause: error });
      }
      return parse(value);
    },
  };
}

/** Fills defaults and converts texts (environment, options) before the schema is checked. */
export function fillAndConvert<S extends TSchema>(schema: S, input: unknown): unknown {
  return Value.Convert(schema, Value.Default(schema, Value.Clone(input)));
}
