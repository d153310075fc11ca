import { WorkerConfigurationSchema } from '../../shared/protocol/messages.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requireSelfOrAdmin } from '../access.ts';
import { workerConfiguration } from '../fleet/configuration-content.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { WorkerRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import { WorkerSchema, workerView } from './member-schemas.ts';
import { workerPlacement } from './placement-schemas.ts';
import { IdParams, PageQuery, pageOf, problems, readPage } from './schemas.ts';

export interface WorkerRouteOptions {
  store: Store;
  fleet: Pick<Fleet, 'standings'>;
}

export function addWorkerRoutes(app: HttpServer, options: WorkerRouteOptions): void {
  const { store } = options;
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
      return { items: workerViews(options, items), next };
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
      const [view] = workerViews(options, worker === undefined ? [] : [worker]);
      if (view === undefined) throw new FleetError('not-found', `no worker has the id "${id}"`);
      return view;
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

function workerViews({ store, fleet }: WorkerRouteOptions, workers: readonly WorkerRecord[]) {
  const standings = new Map(fleet.standings().map((standing) => [standing.id, standing]));
  const counts = store.members.placedCounts();
  return workers.map((worker) => {
    const standing = standings.get(worker.id);
    const placement = standing === undefined ? null : workerPlacement(standing, counts.get(worker.id));
    return workerView(worker, { desiredVersion: store.configurations.versionOf(worker.id), placement });
  });
}
