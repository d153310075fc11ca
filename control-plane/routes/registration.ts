import type { KeyObject } from 'node:crypto';
import { signToken } from '../../shared/protocol/access-token.ts';
import { BrokerAddressSchema, CredentialsSchema, RegistrationSchema } from '../../shared/protocol/http.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { MemberRole } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import { problems } from './schemas.ts';

/** Ids of the platform's own identities: a member of that name would take over their broker sessions. */
const reservedIds: readonly string[] = ['admin', 'control-plane'];

export interface RegistrationOptions {
  store: Store;
  fleet: Fleet;
  clock: Clock;
  privateKey: KeyObject;
  /** Broker address that members are told. */
  brokerUrl: string;
  perMinute: number;
}

export function addRegistrationRoutes(app: HttpServer, options: RegistrationOptions): void {
  addRegistration(app, 'device', options);
  addRegistration(app, 'worker', options);
  addBrokerAddress(app, options);
}

function addRegistration(app: HttpServer, role: MemberRole, options: RegistrationOptions): void {
  const { store, fleet, clock, privateKey, brokerUrl, perMinute } = options;
  app.post(
    `/${role}s`,
    {
      config: { access: 'enrolment', rateLimit: { max: perMinute, timeWindow: 60_000 } },
      schema: {
        operationId: role === 'device' ? 'registerDevice' : 'registerWorker',
        summary: `Registers a ${role}, or renews the credentials of one that is registered`,
        tags: [`${role}s`],
        body: RegistrationSchema,
        response: { 201: CredentialsSchema, ...problems },
      },
    },
    (request, reply) => {
      const registration = request.body;
      const { id } = registration;
      if (reservedIds.includes(id)) throw new FleetError('conflict', `"${id}" is an id of the platform itself`);
      const isNew = fleet.change(() => store.members.register(role, registration, clock.wallTime().toISOString()));
      request.log.info({ role, member: id, hardwareClass: registration.hardwareClass, isNew }, 'registered');
      reply.code(201).header('cache-control', 'no-store');
      return { id, token: signToken(privateKey, { role, id }), brokerUrl };
    },
  );
}

function addBrokerAddress(app: HttpServer, { brokerUrl }: Pick<RegistrationOptions, 'brokerUrl'>): void {
  app.get(
    '/broker',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'getBroker',
        summary: 'Says where the broker is, to members that no longer find it where it was',
        tags: ['platform'],
        response: { 200: BrokerAddressSchema, ...problems },
      },
    },
    () => ({ brokerUrl }),
  );
}
