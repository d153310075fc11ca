import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Value } from 'typebox/value';
import { type ErrorCode, FleetError, messageOf } from './errors.ts';

/**
 * A boundary: unknown input in, a typed value or an error that names the field out. A field that has a default may
 * be absent: what was written before there was such a field is read with it.
 */
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
    const filled = Value.Default(schema, Value.Clone(input));
    if (compiled.Check(filled)) return filled;
    throw new FleetError(code, `${subject}: ${describe(compiled.Errors(filled))}`);
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

/**
 * Names the field that lies deepest: where no alternative of a union fits, the one that was meant comes furthest.
 * What several alternatives want of that field is joined by "or".
 */
function describe(all: readonly TLocalizedValidationError[]): string {
  const errors = all.filter(({ keyword }) => keyword !== 'boolean');
  const depth = Math.max(...errors.map(depthOf));
  const path = errors.find((error) => depthOf(error) === depth)?.instancePath ?? '';
  const here = errors.filter(({ instancePath }) => instancePath === path);
  const isUnion = here.some(({ keyword }) => keyword === 'anyOf');
  const wanted = new Set(here.filter(({ keyword }) => keyword !== 'anyOf').map(wantedBy));
  const texts = isUnion ? [...wanted] : [...wanted].slice(0, 1);
  return `${path || '/'} ${texts.join(' or ') || 'does not fit'} (${errors.length} in all)`;
}

function depthOf({ instancePath }: TLocalizedValidationError): number {
  return instancePath.split('/').length;
}

function wantedBy(error: TLocalizedValidationError): string {
  if (error.keyword === 'const') return `must be ${JSON.stringify(error.params.allowedValue)}`;
  if (error.keyword === 'enum') return `must be one of ${error.params.allowedValues.join(', ')}`;
  if (error.keyword === 'additionalProperties') return `${error.message} ${JSON.stringify(error.params)}`;
  return error.message;
}

/** Fills defaults and converts texts, as far as they can be, before the schema is checked. */
export function fillAndConvert<S extends TSchema>(schema: S, input: unknown): unknown {
  return Value.Convert(schema, Value.Default(schema, Value.Clone(input)));
}
