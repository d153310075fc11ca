import { fastify } from 'fastify';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { type Classifier, imageForms } from './classifier.ts';

/** What somebody without this platform would write first: an image is uploaded by HTTP, the answer is its label. */
export interface HttpRival {
  readonly port: number;
  close(): Promise<void>;
}

export async function startHttpRival(host: string, classifier: Classifier): Promise<HttpRival> {
  const server = fastify();
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  for (const form of imageForms) {
    server.post(`/${form}`, async ({ body }) => {
      if (!Buffer.isBuffer(body)) throw new FleetError('body-invalid', 'the body is no image');
      return { label: await classifier.classify(form, body) };
    });
  }
  const port = Number(new URL(await server.listen({ host, port: 0 })).port);
  return { port, close: () => server.close() };
}
