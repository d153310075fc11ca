import { type Static, Type } from 'typebox';
import { requireBandwidthStates } from '../../shared/planner/bandwidth-states.ts';
import { type StatesFile, StatesFileSchema } from '../../shared/protocol/states-file.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { Store } from '../store/store.ts';
import { etagOf, IfMatchHeaders, requireMatch } from './if-match.ts';
import { problems } from './schemas.ts';

const StatesInForce = Type.Object({
  /** Rises with each change; 0: they were never changed. */
  version: Type.Integer(),
  /** `default`: those that the control plane was started with. */
  source: Type.Union([Type.Literal('default'), Type.Literal('operator')]),
  ...StatesFileSchema.properties,
});

export interface BandwidthStateRouteOptions {
  store: Store;
  fleet: Fleet;
  clock: Clock;
  /** In force while the operator has put none in force. */
  defaultStates: StatesFile;
}

export function addBandwidthStateRoutes(app: HttpServer, options: BandwidthStateRouteOptions): void {
  const { store, fleet, clock, defaultStates } = options;
  const inForce = (): Static<typeof StatesInForce> => {
    const stored = store.bandwidthStates.current();
    const source = stored === null ? 'default' : 'operator';
    return { version: store.bandwidthStates.version(), source, ...(stored ?? defaultStates) };
  };
  const change = (states: StatesFile | null, ifMatch: string | undefined): Static<typeof StatesInForce> => {
    if (states !== null) requireBandwidthStates(states.states);
    fleet.change(() => {
      requireMatch(ifMatch, store.bandwidthStates.version());
      store.bandwidthStates.add(states, clock.wallTime().toISOString());
    });
    return inForce();
  };

  app.get(
    '/bandwidth-states',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'getBandwidthStates',
        summary: 'Gives the bandwidth states that maps are built for; the ETag is what a change must name',
        tags: ['bandwidth states'],
        response: { 200: StatesInForce, ...problems },
      },
    },
    (_request, reply) => {
      const states = inForce();
      reply.header('etag', etagOf(states.version));
      return states;
    },
  );

  app.put(
    '/bandwidth-states',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'changeBandwidthStates',
        summary: 'Puts other bandwidth states in force, as `edgent states build` makes them; all maps are built anew',
        tags: ['bandwidth states'],
        headers: IfMatchHeaders,
        body: StatesFileSchema,
        response: { 200: StatesInForce, ...problems },
      },
    },
    (request, reply) => {
      const states = change(request.body, request.headers['if-match']);
      request.log.info({ version: states.version, states: states.states.length }, 'bandwidth states changed');
      reply.header('etag', etagOf(states.version));
      return states;
    },
  );

  app.delete(
    '/bandwidth-states',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'resetBandwidthStates',
        summary: 'Goes back to the bandwidth states that the control plane was started with',
        tags: ['bandwidth states'],
        headers: IfMatchHeaders,
        response: { 200: StatesInForce, ...problems },
      },
    },
    (request, reply) => {
      const states = change(null, request.headers['if-match']);
      request.log.info({ version: states.version }, 'bandwidth states are the default again');
      reply.header('etag', etagOf(states.version));
      return states;
    },
  );
}
