import { Type } from 'typebox';
import { idPatternSource } from '../../shared/protocol/ids.ts';
import { DeviceConfigurationSchema } from '../../shared/protocol/messages.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requireSelfOrAdmin } from '../access.ts';
import { deviceConfiguration } from '../fleet/configuration-content.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { DeviceRecord } from '../store/member-records.ts';
import type { PageRequest } from '../store/members.ts';
import type { Store } from '../store/store.ts';
import { DeviceSchema, deviceView } from './member-schemas.ts';
import { IdParams, PageQuery, pageOf, problems, readPage } from './schemas.ts';

const DeviceQuery = Type.Object({
  ...PageQuery.properties,
  worker: Type.Optional(Type.String({ pattern: idPatternSource, description: 'Only those that are placed there.' })),
});

export function addDeviceRoutes(app: HttpServer, { store }: { store: Store }): void {
  app.get(
    '/devices',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'listDevices',
        summary: 'Lists devices by id',
        tags: ['devices'],
        querystring: DeviceQuery,
        response: { 200: pageOf(DeviceSchema), ...problems },
      },
    },
    (request) => {
      const { worker, ...page } = request.query;
      const { devicePage, placedPage } = store.members;
      const read = worker === undefined ? devicePage : (wanted: PageRequest) => placedPage(worker, wanted);
      const { items, next } = readPage(page, read, (device) => device.id);
      return { items: items.map((device) => deviceView(device, store.configurations.versionOf(device.id))), next };
    },
  );

  app.get(
    '/devices/:id',
    {
      config: { access: ['admin', 'device'] },
      schema: {
        operationId: 'getDevice',
        summary: 'Shows one device',
        tags: ['devices'],
        params: IdParams,
        response: { 200: DeviceSchema, ...problems },
      },
    },
    (request) => {
      requireSelfOrAdmin(request, request.params.id);
      return deviceView(requireDevice(store, request.params.id), store.configurations.versionOf(request.params.id));
    },
  );

  app.get(
    '/devices/:id/configuration',
    {
      config: { access: ['admin', 'device'] },
      schema: {
        operationId: 'getDeviceConfiguration',
        summary: 'Shows what a device is to run: its effective configuration',
        tags: ['devices'],
        params: IdParams,
        response: { 200: DeviceConfigurationSchema, ...problems },
      },
    },
    (request) => {
      requireSelfOrAdmin(request, request.params.id);
      const configuration = deviceConfiguration(store, requireDevice(store, request.params.id));
      if (configuration === undefined) {
        throw new FleetError('not-found', `"${request.params.id}" has no configuration yet`);
      }
      return configuration;
    },
  );
}

/** @throws {FleetError} `not-found` */
export function requireDevice(store: Store, id: string): DeviceRecord {
  const device = store.members.device(id);
  if (device === undefined) throw new FleetError('not-found', `no device has the id "${id}"`);
  return device;
}
