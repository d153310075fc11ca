import type { KeyObject } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { verifyToken } from '../shared/protocol/access-token.ts';
import type { Identity, Role } from '../shared/protocol/topic-rules.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import type { TokenFileName } from './tokens.ts';

/** Who may call a route: anyone, whoever holds the enrolment token, or these roles. */
export type Access = 'public' | 'enrolment' | readonly Role[];

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who calls; null where the route asks for no access token. */
    identity: Identity | null;
  }
}

/**
 * Checks the caller of every route of this instance.
 * INVARIANT: a route that does not say who may call it does not come into being.
 */
export function guardRoutes(
  app: FastifyInstance,
  options: { publicKey: KeyObject; clock: Clock; isEnrolmentToken: (token: string) => boolean },
): void {
  const { publicKey, clock, isEnrolmentToken } = options;
  app.decorateRequest('identity', null);
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may call it`);
  });
  // Not onRequest: the limit on attempts runs there, and must count those that fail here. The body is not read yet.
  app.addHook('preParsing', async (request) => {
    const access = request.routeOptions.config.access;
    if (access === 'public' || access === undefined) return;
    try {
      request.identity = identify(bearerToken(request), access);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      throw new FleetError(error.code, `${error.message}; this route takes ${wantedToken(access)}`, { cause: error });
    }
  });

  function identify(token: string, access: 'enrolment' | readonly Role[]): Identity | null {
    if (access === 'enrolment') {
      if (isEnrolmentToken(token)) return null;
      throw new FleetError('token-invalid', 'this is not the enrolment token');
    }
    const identity = verifyToken(publicKey, token, clock.wallTime().getTime() / 1000);
    if (access.includes(identity.role)) return identity;
    throw new FleetError('forbidden', `the role ${identity.role} may not do this`);
  }
}

/** @throws {FleetError} `token-invalid` */
export function requireIdentity(request: FastifyRequest): Identity {
  if (request.identity === null) throw new FleetError('token-invalid', 'an access token is needed');
  return request.identity;
}

/** Lets operators see everyone, others themselves. @throws {FleetError} `forbidden` */
export function requireSelfOrAdmin(request: FastifyRequest, id: string): void {
  const identity = requireIdentity(request);
  if (identity.role !== 'admin' && identity.id !== id) {
    throw new FleetError('forbidden', `"${identity.id}" may see itself alone`);
  }
}

/** @returns which token a route takes, and where who calls it finds that */
function wantedToken(access: 'enrolment' | readonly Role[]): string {
  if (access === 'enrolment') return `the enrolment token (${tokenPlace('enrolment-token')})`;
  const members = access.filter((role) => role !== 'admin').join(' or ');
  const admin = access.includes('admin') ? [`the admin token (${tokenPlace('admin-token')})`] : [];
  const member = members === '' ? [] : [`the token that a ${members} got when it registered`];
  return [...admin, ...member].join(', or ');
}

function tokenPlace(name: TokenFileName): string {
  return `the file ${name} in the control plane’s data folder; of \`edgent up\`: .edgent/up/control-plane/${name}`;
}

function bearerToken(request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) {
    throw new FleetError('token-invalid', 'the request has no bearer token');
  }
  return token;
}
