import rateLimit from '@fastify/rate-limit';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import { FleetError } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { HttpServer } from './http-server-type.ts';
import { refuseUnknownQuery } from './known-query.ts';
import { addOpenApi } from './openapi.ts';
import { handleClientError, handleError, handleNotFound } from './problem.ts';

/** A profile of a deep network with its single layers is some 100 KB. */
const bodyLimitBytes = 4 << 20;

/** @returns a server without routes yet; slow or large requests are cut off */
export async function createHttpServer(options: { requestTimeoutMs: number; log: Log }): Promise<HttpServer> {
  const { requestTimeoutMs, log } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance,
    // Requests carry tokens: what is logged is chosen, line by line.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    // Node looks for late requests only every 30 s unless told.
    http: {
      headersTimeout: Math.min(requestTimeoutMs, 10_000),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.max(50, Math.min(1000, requestTimeoutMs / 4)),
    },
    clientErrorHandler: handleClientError,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(handleNotFound);
  await app.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, { after }) => new FleetError('rate-limited', `try again in ${after}`),
  });
  refuseUnknownQuery(app);
  await addOpenApi(app);
  return app;
}
