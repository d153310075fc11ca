import { type TSchema, Type } from 'typebox';
import { FleetError } from '../shared/runtime/errors.ts';
import { nearestWord } from '../shared/runtime/nearest-word.ts';
import type { HttpServer } from './http-server-type.ts';

/**
 * Refuses query parameters that a route's schema does not name: a filter that is misspelt and ignored gives another
 * answer than was asked for. A route without such a schema takes none.
 * INVARIANT: holds for every route that is added afterwards, and is checked after the caller is.
 */
export function refuseUnknownQuery(app: HttpServer): void {
  app.addHook('preValidation', async (request) => {
    if (request.is404) return;
    const known = parametersOf(request.routeOptions.schema?.querystring);
    const unknown = Object.keys(Object(request.query)).find((name) => !known.includes(name));
    if (unknown !== undefined) throw new FleetError('query-parameter-unknown', describe(unknown, known));
  });
}

function parametersOf(schema: unknown): readonly string[] {
  return isSchema(schema) && Type.IsObject(schema) ? Object.keys(schema.properties) : [];
}

function isSchema(schema: unknown): schema is TSchema {
  return typeof schema === 'object' && schema !== null;
}

function describe(unknown: string, known: readonly string[]): string {
  const name = JSON.stringify(unknown.slice(0, 100));
  const nearest = nearestWord(unknown, known);
  if (nearest !== undefined) return `query parameter ${name} is not known here: did you mean "${nearest}"?`;
  const those = known.length === 0 ? 'this route takes none' : `this route takes ${known.join(', ')}`;
  return `query parameter ${name} is not known here: ${those}`;
}
