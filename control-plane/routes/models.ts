import { Type } from 'typebox';
import { ManifestSchema, manifestParser } from '../../shared/model/manifest.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { ModelFiles } from '../store/model-files.ts';
import type { ModelRecord } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { DigestParams, PageQuery, pageOf, problems, readPage } from './schemas.ts';

const ModelSchema = Type.Object({
  digest: Type.String(),
  name: Type.String(),
  version: Type.String(),
  bytes: Type.Integer(),
  importedAt: Type.String(),
});

export function addModelRoutes(app: HttpServer, { store, files }: { store: Store; files: ModelFiles }): void {
  app.get(
    '/models',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'listModels',
        summary: 'Lists model packages by digest',
        tags: ['models'],
        querystring: PageQuery,
        response: { 200: pageOf(ModelSchema), ...problems },
      },
    },
    (request) => readPage(request.query, store.models.list, (model) => model.digest),
  );

  app.get(
    '/models/:digest/manifest',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'getManifest',
        summary: 'Gives the manifest of a model package',
        tags: ['models'],
        params: DigestParams,
        response: { 200: ManifestSchema, ...problems },
      },
    },
    (request, reply) => {
      const { digest } = requireModel(store, request.params.digest);
      const text = store.models.manifest(digest) ?? '';
      // As it is stored: its digest, which configurations name, is that of these bytes.
      reply.type('application/json; charset=utf-8').serializer(() => text);
      return manifestParser.parseJson(text);
    },
  );

  app.get(
    '/models/:digest/file',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'getModelFile',
        summary: 'Gives the ONNX file of a model package',
        tags: ['models'],
        params: DigestParams,
        response: {
          200: { description: 'ONNX', content: { 'application/octet-stream': { schema: Type.Any() } } },
          304: Type.Null(),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { digest } = requireModel(store, request.params.digest);
      const etag = `"${digest}"`;
      // A digest names the same bytes for ever; private, because only members of the fleet may have them.
      reply.header('etag', etag).header('cache-control', 'private, max-age=31536000, immutable');
      if (request.headers['if-none-match'] === etag) return reply.code(304).send(null);
      const { stream, bytes } = await files.open(digest);
      return reply.type('application/octet-stream').header('content-length', bytes).send(stream);
    },
  );
}

/** @throws {FleetError} `not-found` */
export function requireModel(store: Store, digest: string): ModelRecord {
  const model = store.models.get(digest);
  if (model === undefined) throw new FleetError('not-found', `no model has the digest ${digest}`);
  return model;
}
