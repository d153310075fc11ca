import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifySchema } from 'fastify';
import type { Access } from './access.ts';
import type { HttpServer } from './http-server-type.ts';

/** Serves the description of all routes that are added afterwards, as JSON and as a page to browse. */
export async function addOpenApi(app: HttpServer): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Edgent fleet control plane',
        description:
          'Devices, workers, models, profiles and the policy of a fleet. Errors are RFC 9457 problem details with ' +
          'stable codes. Lists come in pages: pass `next` as `cursor`. A query parameter that a route does not name is ' +
          'refused with 400, `query-parameter-unknown`.',
        version: '1',
      },
      components: {
        securitySchemes: {
          accessToken: { type: 'http', scheme: 'bearer', description: 'Of an admin, a device or a worker.' },
          enrolmentToken: { type: 'http', scheme: 'bearer', description: 'Lets devices and workers register.' },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: describe(schema, route.config?.access), url }),
  });
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger());
  await app.register(swaggerUi, { routePrefix: '/api/v1/docs', staticCSP: true });
}

/** Adds what a route says elsewhere: who may call it, and that its errors are problem details. */
function describe(schema: FastifySchema, access: Access | undefined): FastifySchema {
  const security =
    access === undefined || access === 'public'
      ? []
      : [access === 'enrolment' ? { enrolmentToken: [] } : { accessToken: [...access] }];
  const responses = Object.entries(schema.response ?? {}).map(([status, response]: [string, unknown]) => [
    status,
    status.endsWith('xx')
      ? { description: 'Problem', content: { 'application/problem+json': { schema: response } } }
      : response,
  ]);
  return { ...schema, security, response: Object.fromEntries(responses) };
}
