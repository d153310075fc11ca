import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../shared/protocol/http.ts';
import { type ErrorCode, errorCatalogue, isFleetError } from '../shared/runtime/errors.ts';

/** What each code means in HTTP; a code that is not here is our own fault: 500. */
const statuses: Partial<Record<ErrorCode, number>> = {
  'bandwidth-states-invalid': 400,
  'body-invalid': 400,
  'early-exit-uncalibrated': 400,
  'id-invalid': 400,
  'message-invalid': 400,
  'profile-unusable': 400,
  'query-parameter-unknown': 400,
  'token-invalid': 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'body-too-large': 413,
  'media-type-unsupported': 415,
  'precondition-required': 428,
  'rate-limited': 429,
};

/** Answers with RFC 9457 problem details, whatever was thrown; faults of our own are logged and not told. */
export function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const { code, detail } = describe(error);
  const status = statuses[code] ?? 500;
  if (status >= 500) request.log.error({ err: error, code, method: request.method, route: request.routeOptions.url });
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply
    .code(status)
    .type('application/problem+json')
    .send(problemOf(code, status, detail));
}

/** Answers for paths that are none of ours. */
export function handleNotFound(request: FastifyRequest, reply: FastifyReply): void {
  const detail = `${request.method} ${request.url.split('?')[0]?.slice(0, 200)} is no route`;
  void reply
    .code(404)
    .type('application/problem+json')
    .send(problemOf('not-found', 404, detail));
}

/** Answers what did not become a request: it came too late, or is none. */
export function handleClientError(error: { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, reason, code] = late ? [408, 'Request Timeout', 'request-timeout' as const] : malformed;
  const body = JSON.stringify(problemOf(code, status, late ? 'the rest of it did not come' : 'it cannot be parsed'));
  const head = [
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${head.join('\r\n')}\r\n\r\n${body}`);
}
const malformed = [400, 'Bad Request', 'request-malformed'] as const;

function problemOf(code: ErrorCode, status: number, detail: string): Problem {
  return { type: `urn:edgent:error:${code}`, title: errorCatalogue[code], status, code, detail };
}

function describe(error: FastifyError): { code: ErrorCode; detail: string } {
  if (isFleetError(error)) return { code: error.code, detail: error.message };
  switch (error.statusCode) {
    case 413:
      return { code: 'body-too-large', detail: error.message };
    case 415:
      return { code: 'media-type-unsupported', detail: error.message };
    default:
      if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
        return { code: 'body-invalid', detail: error.message };
      }
      return { code: 'internal', detail: 'the request was not carried out' };
  }
}
