import { Type } from 'typebox';
import type { Fleet } from '../fleet/fleet.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { Store } from '../store/store.ts';
import { FrameTotalsSchema } from './member-schemas.ts';
import { problems } from './schemas.ts';

const HealthSchema = Type.Object({ status: Type.Literal('ok'), brokerConnected: Type.Boolean() });

const OverviewSchema = Type.Object({
  devices: Type.Object({ total: Type.Integer(), online: Type.Integer(), withoutWorker: Type.Integer() }),
  workers: Type.Object({ total: Type.Integer(), online: Type.Integer() }),
  profiles: Type.Integer(),
  policyVersion: Type.Integer(),
  model: Type.Union([Type.Null(), Type.Object({ name: Type.String(), version: Type.String(), digest: Type.String() })]),
  brokerConnected: Type.Boolean(),
  /** Of all devices, since they registered. */
  frames: FrameTotalsSchema,
  /** Messages that came to nothing, since the control plane started. */
  messages: Type.Object({ rejected: Type.Integer(), unknownSender: Type.Integer(), dropped: Type.Integer() }),
});

export interface OverviewRouteOptions {
  store: Store;
  fleet: Fleet;
  isBrokerConnected: () => boolean;
}

export function addOverviewRoutes(app: HttpServer, { store, fleet, isBrokerConnected }: OverviewRouteOptions): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getHealth',
        summary: 'Says whether the control plane answers, and whether it reaches the broker',
        tags: ['platform'],
        response: { 200: HealthSchema, ...problems },
      },
    },
    () => ({ status: 'ok' as const, brokerConnected: isBrokerConnected() }),
  );

  app.get(
    '/overview',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'getOverview',
        summary: 'Counts the fleet',
        tags: ['platform'],
        response: { 200: OverviewSchema, ...problems },
      },
    },
    () => {
      const { devices, devicesOnline, devicesWithoutWorker, workers, workersOnline, ...frames } =
        store.members.counts();
      const current = store.policies.current();
      const model = current && store.models.newest(current.model);
      return {
        devices: { total: devices, online: devicesOnline, withoutWorker: devicesWithoutWorker },
        workers: { total: workers, online: workersOnline },
        profiles: store.profiles.list().length,
        policyVersion: current?.policy.version ?? 0,
        model: model === undefined ? null : { name: model.name, version: model.version, digest: model.digest },
        brokerConnected: isBrokerConnected(),
        frames,
        messages: fleet.counts(),
      };
    },
  );
}
