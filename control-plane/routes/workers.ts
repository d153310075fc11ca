import { WorkerConfigurationSchema } from '../../shared/protocol/messages.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requireSelfOrAdmin } from '../access.ts';
import { workerConfiguration } from '../fleet/configuration-content.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { Store } from '../store/store.ts';
import { WorkerSchema, workerView } from './member-schemas.ts';
import { IdParams, PageQuery, pageOf, problems, readPage } from './schemas.ts';

export function addWorkerRoutes(app: HttpServer, { store }: { store: Store }): void {
  app.get(
    '/workers',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'listWorkers',
        summary: 'Lists workers by id',
        tags: ['workers'],
        querystring: PageQuery,
        response: { 200: pageOf(WorkerSchema), ...problems },
      },
    },
    (request) => {
      const { items, next } = readPage(request.query, store.members.workerPage, (worker) => worker.id);
      return { items: items.map((worker) => workerView(worker, store.configurations.versionOf(worker.id))), next };
    },
  );

  app.get(
    '/workers/:id',
    {
      config: { access: ['admin', 'worker'] },
      schema: {
        operationId: 'getWorker',
        summary: 'Shows one worker',
        tags: ['workers'],
        params: IdParams,
        response: { 200: WorkerSchema, ...problems },
      },
    },
    (request) => {
      const { id } = request.params;
      requireSelfOrAdmin(request, id);
      const worker = store.members.worker(id);
      if (worker === undefined) throw new FleetError('not-found', `no worker has the id "${id}"`);
      return workerView(worker, store.configurations.versionOf(id));
    },
  );

  app.get(
    '/workers/:id/configuration',
    {
      config: { access: ['admin', 'worker'] },
      schema: {
        operationId: 'getWorkerConfiguration',
        summary: 'Shows what a worker is to run',
        tags: ['workers'],
        params: IdParams,
        response: { 200: WorkerConfigurationSchema, ...problems },
      },
    },
    (request) => {
      const { id } = request.params;
      requireSelfOrAdmin(request, id);
      const configuration = store.members.worker(id) && workerConfiguration(store, id);
      if (configuration === undefined) throw new FleetError('not-found', `no worker has the id "${id}"`);
      return configuration;
    },
  );
}
