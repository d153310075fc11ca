import { Type } from 'typebox';
import { FleetError } from '../../shared/runtime/errors.ts';

/** Headers of a route that changes what somebody else may have changed meanwhile. */
export const IfMatchHeaders = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'ETag of what was read.' })),
});

export function etagOf(version: number): string {
  return `"${version}"`;
}

/** @throws {FleetError} `precondition-required`, `precondition-failed` [RFC 9110 13.1.1] */
export function requireMatch(ifMatch: string | undefined, version: number): void {
  if (ifMatch === undefined) throw new FleetError('precondition-required', 'the request has no If-Match');
  const named = ifMatch.split(',').map((tag) => tag.trim());
  if (!named.includes('*') && !named.includes(etagOf(version))) {
    throw new FleetError('precondition-failed', `what is in force is ${etagOf(version)}, not ${ifMatch}`);
  }
}
